#include "common/gguf/blocks.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "common/base/check.h"

namespace plateau {
namespace {

unsigned at(const std::byte* bytes, std::size_t index) {
  return std::to_integer<unsigned>(bytes[index]);
}

std::uint16_t read_u16(const std::byte* bytes) {
  return static_cast<std::uint16_t>(at(bytes, 0) | at(bytes, 1) << 8);
}

std::uint32_t read_u32(const std::byte* bytes) {
  return at(bytes, 0) | at(bytes, 1) << 8 | at(bytes, 2) << 16 | at(bytes, 3) << 24;
}

float read_half(const std::byte* bytes) {
  return half_to_float(read_u16(bytes));
}

int read_i8(const std::byte* bytes, std::size_t index) {
  return static_cast<std::int8_t>(at(bytes, index));
}

float product(float scale, int quant) {
  return scale * static_cast<float>(quant);
}

void decode_f32(const std::byte* block, float* values) {
  values[0] = std::bit_cast<float>(read_u32(block));
}

void decode_f16(const std::byte* block, float* values) {
  values[0] = read_half(block);
}

void decode_bf16(const std::byte* block, float* values) {
  values[0] = std::bit_cast<float>(static_cast<std::uint32_t>(read_u16(block)) << 16);
}

// The low nibbles are the first half of the block, the high ones the second.
int nibble(const std::byte* quants, std::size_t i) {
  return static_cast<int>(i < 16 ? at(quants, i) & 15U : at(quants, i - 16) >> 4);
}

int fifth_bit(std::uint32_t high, std::size_t i) {
  return static_cast<int>((high >> i & 1U) << 4);
}

void decode_q4_0(const std::byte* block, float* values) {
  const float scale = read_half(block);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = product(scale, nibble(block + 2, i) - 8);
}

void decode_q4_1(const std::byte* block, float* values) {
  const float scale = read_half(block), least = read_half(block + 2);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = product(scale, nibble(block + 4, i)) + least;
}

void decode_q5_0(const std::byte* block, float* values) {
  const float scale = read_half(block);
  const std::uint32_t high = read_u32(block + 2);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = product(scale, (nibble(block + 6, i) | fifth_bit(high, i)) - 16);
}

void decode_q5_1(const std::byte* block, float* values) {
  const float scale = read_half(block), least = read_half(block + 2);
  const std::uint32_t high = read_u32(block + 4);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = product(scale, nibble(block + 8, i) | fifth_bit(high, i)) + least;
}

void decode_q8_0(const std::byte* block, float* values) {
  const float scale = read_half(block);
  for (std::size_t i = 0; i < 32; ++i)
    values[i] = product(scale, read_i8(block + 2, i));
}

// Scale and minimum of part `part` of 8, six bits each, packed into 12 bytes.
struct ScaleAndMin {
  int scale = 0;
  int least = 0;
};
ScaleAndMin six_bits(const std::byte* packed, std::size_t part) {
  if (part < 4) {
    return {static_cast<int>(at(packed, part) & 63U), static_cast<int>(at(packed, part + 4) & 63U)};
  }
  return {static_cast<int>((at(packed, part + 4) & 15U) | (at(packed, part - 4) >> 6) << 4),
          static_cast<int>((at(packed, part + 4) >> 4) | (at(packed, part) >> 6) << 4)};
}

void decode_q4_k(const std::byte* block, float* values) {
  const float scale = read_half(block), least = read_half(block + 2);
  const std::byte* const packed = block + 4;
  const std::byte* const quants = block + 16;
  for (std::size_t part = 0; part < 8; ++part) {
    const ScaleAndMin own = six_bits(packed, part);
    const float step = product(scale, own.scale), offset = product(least, own.least);
    for (std::size_t i = 0; i < 32; ++i) {
      // Two parts share 32 bytes: the even one has their low nibbles.
      const unsigned both = at(quants, part / 2 * 32 + i);
      const int quant = static_cast<int>(part % 2 == 0 ? both & 15U : both >> 4);
      values[part * 32 + i] = product(step, quant) - offset;
    }
  }
}

void decode_q6_k(const std::byte* block, float* values) {
  const std::byte* const low = block;
  const std::byte* const high = block + 128;
  const std::byte* const scales = block + 192;
  const float scale = read_half(block + 208);
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t i = 0; i < 128; ++i) {
      // Each half has 64 bytes of low nibbles (first all low ones, then all high ones) and 32 bytes
      // with the upper two bits of four values, 32 apart.
      const unsigned nibbles = at(low, half * 64 + i % 64);
      const unsigned lower = i < 64 ? nibbles & 15U : nibbles >> 4;
      const unsigned upper = at(high, half * 32 + i % 32) >> (i / 32 * 2) & 3U;
      const int quant = static_cast<int>(lower | upper << 4) - 32;
      const float step = product(scale, read_i8(scales, half * 8 + i / 16));
      values[half * 128 + i] = product(step, quant);
    }
  }
}

struct Format {
  BlockType type;
  std::string_view name;
  std::size_t values;
  std::size_t size_bytes;
  void (*decode)(const std::byte* block, float* values);
};

constexpr std::array<Format, 10> kFormats{{
    {BlockType::kF32, "F32", 1, 4, decode_f32},
    {BlockType::kF16, "F16", 1, 2, decode_f16},
    {BlockType::kBF16, "BF16", 1, 2, decode_bf16},
    {BlockType::kQ4_0, "Q4_0", 32, 18, decode_q4_0},
    {BlockType::kQ4_1, "Q4_1", 32, 20, decode_q4_1},
    {BlockType::kQ5_0, "Q5_0", 32, 22, decode_q5_0},
    {BlockType::kQ5_1, "Q5_1", 32, 24, decode_q5_1},
    {BlockType::kQ8_0, "Q8_0", 32, 34, decode_q8_0},
    {BlockType::kQ4_K, "Q4_K", 256, 144, decode_q4_k},
    {BlockType::kQ6_K, "Q6_K", 256, 210, decode_q6_k},
}};

const Format& format_of(BlockType type) {
  for (const Format& format : kFormats) {
    if (format.type == type) return format;
  }
  PLATEAU_CHECK(false, "a block type that is in no table");
  return kFormats[0];
}

}  // namespace

std::optional<BlockType> block_type(std::uint32_t number) {
  for (const Format& format : kFormats) {
    if (static_cast<std::uint32_t>(format.type) == number) return format.type;
  }
  return std::nullopt;
}

std::string_view block_type_name(BlockType type) {
  return format_of(type).name;
}

std::vector<std::string> block_type_names() {
  std::vector<std::string> names;
  for (const Format& format : kFormats)
    names.emplace_back(format.name);
  return names;
}

std::size_t block_values(BlockType type) {
  return format_of(type).values;
}

std::size_t block_size_bytes(BlockType type) {
  return format_of(type).size_bytes;
}

void decode_blocks(BlockType type, std::span<const std::byte> bytes, std::span<float> values) {
  const Format& format = format_of(type);
  const std::size_t blocks = values.size() / format.values;
  PLATEAU_CHECK(
      blocks * format.values == values.size() && blocks * format.size_bytes == bytes.size(),
      "bytes and values are not the same number of whole blocks");
  for (std::size_t i = 0; i < blocks; ++i)
    format.decode(bytes.data() + i * format.size_bytes, values.data() + i * format.values);
}

float half_to_float(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const auto mantissa = static_cast<float>(half & 1023);
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) {
    return mantissa == 0.0F ? sign * std::numeric_limits<float>::infinity()
                            : std::numeric_limits<float>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024.0F + mantissa, exponent - 25);
}

}  // namespace plateau
