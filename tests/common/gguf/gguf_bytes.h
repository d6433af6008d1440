// Writes GGUF headers by hand, right or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace plateau {

struct TensorBytes {
  std::string name;
  std::vector<std::uint64_t> extents;  // in the file's order: the row's length first
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
};

// Appends as GGUF stores it.
void put(std::string& bytes, std::uint64_t number, std::size_t size_bytes);
void put_text(std::string& bytes, const std::string& text);

// A whole file of version 3: `keys` entries already in the file's form, then the tensors and `data`
// behind padding to 32.
std::string gguf_bytes(std::uint64_t keys, const std::string& metadata,
                       const std::vector<TensorBytes>& tensors, const std::string& data);

// Two tensors, F32 [2, 3] of 0.5, 1.5, ... and Q8_0 [1, 32], and metadata of several types.
std::string sound_gguf();

std::span<const std::byte> as_bytes(const std::string& text);

}  // namespace plateau
