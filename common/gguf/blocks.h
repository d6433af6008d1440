// The block formats of GGUF tensors, decoded exactly as ggml's reference functions do
// (https://github.com/ggml-org/ggml, docs/gguf.md and ggml-quants.c). Pure; no file, no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plateau {

// The numbers are those in the file.
enum class BlockType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ6_K = 14,
  kBF16 = 30,
};

// Nothing for a number that is none of the above.
std::optional<BlockType> block_type(std::uint32_t number);
std::string_view block_type_name(BlockType type);  // "Q4_K"
std::vector<std::string> block_type_names();
// Values of one block: 1, 32 or 256. A row of a tensor holds whole blocks.
std::size_t block_values(BlockType type);
std::size_t block_size_bytes(BlockType type);

// Decodes whole blocks to float32. `bytes` holds values.size() / block_values(type) blocks, at any
// alignment; other sizes break an invariant.
void decode_blocks(BlockType type, std::span<const std::byte> bytes, std::span<float> values);

// An IEEE half, also with subnormals, infinities and NaN.
float half_to_float(std::uint16_t half);

}  // namespace plateau
