// Parses and checks the header of a GGUF file. Internal to this folder; pure.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/gguf/gguf.h"

namespace plateau {

struct GgufHeader {
  std::map<std::string, GgufValue> metadata;
  std::map<std::string, GgufTensor> tensors;
};

// `file` is the whole file; the tensors' bytes point into it. Errors as GgufFile::open's.
Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& name);

}  // namespace plateau
