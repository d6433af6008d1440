// Frozen matrices that are stored in a few bits a value.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include <ATen/core/Tensor.h>

#include "common/gguf/blocks.h"

namespace plateau::kernels {

struct GgufBlocks {
  BlockType format = BlockType::kF32;
  // uint8 [rows, bytes of a row], contiguous: whole blocks, as in the file. May view a mapped file.
  at::Tensor bytes;
};

// 4-bit NormalFloat with double quantisation (Dettmers et al. 2023, arXiv 2305.14314), laid out as
// bitsandbytes does: blocks of 64 run over the flattened matrix, also across rows; two codes a
// byte, the first in the high nibble; a block's largest magnitude is
// scale_code[scales[block]] * scale_maxima[block / 256] + scale_mean.
struct Nf4Blocks {
  static constexpr std::int64_t kBlock = 64, kScaleBlock = 256;
  at::Tensor codes;         // uint8 [(values + 1) / 2]
  at::Tensor scales;        // uint8 [blocks]
  at::Tensor scale_maxima;  // float32 [scale blocks]
  at::Tensor scale_code;    // float32 [256]
  float scale_mean = 0.0F;
};

struct QuantizedMatrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::variant<GgufBlocks, Nf4Blocks> blocks;
};

// Bytes that the matrix takes.
std::int64_t size_bytes(const QuantizedMatrix& matrix);

}  // namespace plateau::kernels
