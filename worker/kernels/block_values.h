// One value of one block, on the CPU and on the GPU: the formulas of ggml's reference functions
// (ggml-quants.c) and of bitsandbytes. Multiplication and addition must stay apart (no fused
// multiply-add), or the last bit differs: see CMakeLists.txt. Internal to this folder.
#pragma once

#include <cstdint>
#include <cstring>

#include <c10/util/Half.h>

#include "worker/kernels/quantized.h"

#ifdef __CUDACC__
#define PLATEAU_BOTH __host__ __device__ __forceinline__
#else
#define PLATEAU_BOTH inline __attribute__((always_inline))
#endif

namespace plateau::kernels {

using Byte = std::uint8_t;

PLATEAU_BOTH std::uint32_t read_u16(const Byte* at) {
  return at[0] | static_cast<std::uint32_t>(at[1]) << 8;
}

PLATEAU_BOTH std::uint32_t read_u32(const Byte* at) {
  return read_u16(at) | read_u16(at + 2) << 16;
}

PLATEAU_BOTH float from_bits(std::uint32_t bits) {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

PLATEAU_BOTH float read_half(const Byte* at) {
  return static_cast<float>(
      c10::Half(static_cast<std::uint16_t>(read_u16(at)), c10::Half::from_bits()));
}

PLATEAU_BOTH float product(float scale, int quant) {
  return scale * static_cast<float>(quant);
}

// The low nibbles are the first half of a block of 32, the high ones the second.
PLATEAU_BOTH int nibble(const Byte* quants, int i) {
  return (quants[i & 15] >> (i & 16) / 4) & 15;
}

PLATEAU_BOTH int fifth_bit(std::uint32_t high, int i) {
  return static_cast<int>((high >> i & 1U) << 4);
}

// kValues of a block, its kBytes, and its i-th value.
template <BlockType format>
struct Block;

template <>
struct Block<BlockType::kF32> {
  static constexpr int kValues = 1, kBytes = 4;
  static PLATEAU_BOTH float value(const Byte* block, int) { return from_bits(read_u32(block)); }
};

template <>
struct Block<BlockType::kF16> {
  static constexpr int kValues = 1, kBytes = 2;
  static PLATEAU_BOTH float value(const Byte* block, int) { return read_half(block); }
};

template <>
struct Block<BlockType::kBF16> {
  static constexpr int kValues = 1, kBytes = 2;
  static PLATEAU_BOTH float value(const Byte* block, int) {
    return from_bits(read_u16(block) << 16);
  }
};

template <>
struct Block<BlockType::kQ4_0> {
  static constexpr int kValues = 32, kBytes = 18;
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    return product(read_half(block), nibble(block + 2, i) - 8);
  }
};

template <>
struct Block<BlockType::kQ4_1> {
  static constexpr int kValues = 32, kBytes = 20;
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    return product(read_half(block), nibble(block + 4, i)) + read_half(block + 2);
  }
};

template <>
struct Block<BlockType::kQ5_0> {
  static constexpr int kValues = 32, kBytes = 22;
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    const int quant = nibble(block + 6, i) | fifth_bit(read_u32(block + 2), i);
    return product(read_half(block), quant - 16);
  }
};

template <>
struct Block<BlockType::kQ5_1> {
  static constexpr int kValues = 32, kBytes = 24;
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    const int quant = nibble(block + 8, i) | fifth_bit(read_u32(block + 4), i);
    return product(read_half(block), quant) + read_half(block + 2);
  }
};

template <>
struct Block<BlockType::kQ8_0> {
  static constexpr int kValues = 32, kBytes = 34;
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    return product(read_half(block), static_cast<std::int8_t>(block[2 + i]));
  }
};

// Eight parts of 32 values; scale and minimum of a part have six bits each, packed into 12 bytes.
template <>
struct Block<BlockType::kQ4_K> {
  static constexpr int kValues = 256, kBytes = 144;
  static PLATEAU_BOTH int scale(const Byte* packed, int part) {
    if (part < 4) return packed[part] & 63;
    return (packed[part + 4] & 15) | (packed[part - 4] >> 6) << 4;
  }
  static PLATEAU_BOTH int least(const Byte* packed, int part) {
    if (part < 4) return packed[part + 4] & 63;
    return packed[part + 4] >> 4 | (packed[part] >> 6) << 4;
  }
  static PLATEAU_BOTH float value(const Byte* block, int i) {
    const int part = i / 32;
    const float step = product(read_half(block), scale(block + 4, part));
    const float offset = product(read_half(block + 2), least(block + 4, part));
    // Two parts share 32 bytes: the even one has their low nibbles.
    const int both = block[16 + part / 2 * 32 + i % 32];
    return product(step, part % 2 == 0 ? both & 15 : both >> 4) - offset;
  }
};

// Two halves, each with 64 bytes of low nibbles (first all low ones, then all high ones) and 32
// bytes with the upper two bits of four values, 32 apart.
template <>
struct Block<BlockType::kQ6_K> {
  static constexpr int kValues = 256, kBytes = 210;
  static PLATEAU_BOTH float value(const Byte* block, int index) {
    const int half = index / 128, i = index % 128;
    const int nibbles = block[half * 64 + i % 64];
    const int lower = i < 64 ? nibbles & 15 : nibbles >> 4;
    const int upper = block[128 + half * 32 + i % 32] >> (i / 32 * 2) & 3;
    const int own_scale = static_cast<std::int8_t>(block[192 + half * 8 + i / 16]);
    return product(product(read_half(block + 208), own_scale), (lower | upper << 4) - 32);
  }
};

// What an Nf4Blocks holds, as pointers.
struct Nf4View {
  const Byte* codes;
  const Byte* scales;
  const float* scale_maxima;
  const float* scale_code;
  float scale_mean;

  PLATEAU_BOTH float scale(std::int64_t block) const {
    const float quotient = scale_code[scales[block]] * scale_maxima[block / Nf4Blocks::kScaleBlock];
    return quotient + scale_mean;
  }
  PLATEAU_BOTH int code(std::int64_t i) const {
    return i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15;
  }
};

inline Nf4View view_of(const Nf4Blocks& blocks) {
  return {blocks.codes.const_data_ptr<Byte>(), blocks.scales.const_data_ptr<Byte>(),
          blocks.scale_maxima.const_data_ptr<float>(), blocks.scale_code.const_data_ptr<float>(),
          blocks.scale_mean};
}

// The 16 values of NormalFloat: quantiles of N(0, 1), made symmetric and scaled to [-1, 1], with an
// exact zero (Dettmers et al. 2023, appendix E).
#define PLATEAU_NF4_CODE                                                                        \
  {                                                                                             \
    -1.0F, -0.6961928009986877F, -0.5250730514526367F, -0.39491748809814453F,                   \
        -0.28444138169288635F, -0.18477343022823334F, -0.09105003625154495F, 0.0F,              \
        0.07958029955625534F, 0.16093020141124725F, 0.24611230194568634F, 0.33791524171829224F, \
        0.44070982933044434F, 0.5626170039176941F, 0.7229568362236023F, 1.0F                    \
  }

}  // namespace plateau::kernels
