// A file of weights, mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "common/base/result.h"

namespace plateau {

struct MappedFile {
  std::shared_ptr<const void> owner;  // unmaps; null for an empty file
  std::span<const std::byte> bytes;
};

// kNotFound, kIo; kInvalidArgument: no regular file. The file must not be cut while it is mapped.
Result<MappedFile> map_file(const std::filesystem::path& path);

}  // namespace plateau
