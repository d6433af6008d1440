// Zip archives whose entries are stored as they are: the container of torch.save's files.
// Format: PKWARE's APPNOTE.TXT; of it, method 0 and the zip64 records.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

// Entries by name, as views into `archive`, which must outlive them. kCorrupt: no zip archive, an
// entry outside of it, compressed, encrypted, twice, or with another checksum than it claims.
Result<std::map<std::string, std::string_view>> read_stored_zip(std::string_view archive);

struct ZipEntry {
  std::string name;
  std::string_view bytes;
};

// Every entry's bytes begin at a multiple of 64, so that a reader may map them. The same entries
// give the same bytes. kInvalidArgument: 4 GiB or more, for which the plain records are too small.
Result<std::string> write_stored_zip(const std::vector<ZipEntry>& entries);

}  // namespace plateau::trainer
