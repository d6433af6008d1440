// Parses and checks the header of a safetensors file. Internal to this folder; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

// As Hugging Face limits it.
inline constexpr std::uint64_t kHeaderBytesMax = 100'000'000;

struct HeaderEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes, counted from the end of the header
  std::uint64_t end = 0;    // exclusive
};

struct Header {
  std::uint64_t data_offset = 0;     // of the first tensor byte, from the start of the file
  std::vector<HeaderEntry> entries;  // in the order of their bytes; they tile the rest of the file
  std::map<std::string, std::string> metadata;
};

// `file` is the whole file. kCorrupt names `name`, the tensor and both numbers.
Result<Header> parse_header(std::span<const std::byte> file, const std::string& name);

}  // namespace plateau::trainer
