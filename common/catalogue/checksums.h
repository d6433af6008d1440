// SHA-256 of large files, computed once and remembered.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau {

// The file's SHA-256, from <cache>/checksums when its size and time of change are those of the last
// computation. Blocks (a second for 500 MB). A cache that cannot be written is no error; an
// empty path remembers nothing.
Result<std::string> cached_sha256(const std::filesystem::path& file,
                                  const std::filesystem::path& cache);

// Of a base's weights: of model.safetensors, of a GGUF file (see gguf_of_base), or of all shards
// that model.safetensors.index.json names and the index itself, as sha256_of_files. kNotFound names
// what was looked for.
Result<std::string> sha256_of_weights(const std::filesystem::path& base,
                                      const std::filesystem::path& cache);

// Of one file: its SHA-256. Of several: the SHA-256 of lines "<sha256>  <name>\n" in the order of
// the names, which are relative to `folder`.
Result<std::string> sha256_of_files(const std::filesystem::path& folder,
                                    std::vector<std::string> names,
                                    const std::filesystem::path& cache);

// All files below a folder, relative to it, '/'-separated. kNotFound, kIo.
Result<std::vector<std::string>> files_below(const std::filesystem::path& folder);

}  // namespace plateau
