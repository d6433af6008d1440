// Blocks made by hand, and the values that the formats' definitions give for them.
#include "common/gguf/blocks.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/common/gguf/gguf_bytes.h"

namespace plateau {
namespace {

constexpr std::uint64_t kHalf = 0x3800, kOne = 0x3C00, kTwo = 0x4000;  // as IEEE halves

std::vector<float> decoded(BlockType type, const std::string& block) {
  std::vector<float> values(block_values(type));
  EXPECT_EQ(block.size(), block_size_bytes(type));
  decode_blocks(type, as_bytes(block), values);
  return values;
}

// Byte i holds the quants i % 16 (low) and 15 - i % 16 (high).
std::string nibbles(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i)
    put(text, i % 16 | (15 - i % 16) << 4, 1);
  return text;
}

TEST(Blocks, HalfsOfEveryKind) {
  EXPECT_EQ(half_to_float(0x3C01), 1.0F + 1.0F / 1024.0F);
  EXPECT_EQ(half_to_float(0xC000), -2.0F);
  EXPECT_EQ(half_to_float(0x7BFF), 65504.0F);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0F, -24));
  EXPECT_EQ(half_to_float(0x03FF), 1023.0F * std::ldexp(1.0F, -24));
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
  EXPECT_EQ(half_to_float(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7E00)));
}

TEST(Blocks, PlainNumbers) {
  std::string brain;
  put(brain, 0xC048, 2);
  EXPECT_EQ(decoded(BlockType::kBF16, brain)[0], -3.125F);
  std::string half;
  put(half, 0x4248, 2);
  EXPECT_EQ(decoded(BlockType::kF16, half)[0], 3.140625F);
}

TEST(Blocks, FourBits) {
  std::string block;
  put(block, kHalf, 2);
  std::vector<float> values = decoded(BlockType::kQ4_0, block + nibbles(16));
  for (std::size_t i = 0; i < 16; ++i) {
    const auto low = static_cast<float>(i);
    EXPECT_EQ(values[i], 0.5F * (low - 8.0F));
    EXPECT_EQ(values[i + 16], 0.5F * (7.0F - low));
  }
  put(block, kTwo, 2);
  values = decoded(BlockType::kQ4_1, block + nibbles(16));
  for (std::size_t i = 0; i < 16; ++i) {
    const auto low = static_cast<float>(i);
    EXPECT_EQ(values[i], 0.5F * low + 2.0F);
    EXPECT_EQ(values[i + 16], 0.5F * (15.0F - low) + 2.0F);
  }
}

TEST(Blocks, FiveBits) {
  // The fifth bit is set for values 0, 5 and 31.
  constexpr std::uint64_t kHigh = 1U | 1U << 5 | 1U << 31;
  std::string block;
  put(block, kHalf, 2);
  std::string with_least = block;
  put(block, kHigh, 4);
  std::vector<float> values = decoded(BlockType::kQ5_0, block + nibbles(16));
  EXPECT_EQ(values[0], 0.0F);
  EXPECT_EQ(values[1], -7.5F);
  EXPECT_EQ(values[5], 2.5F);
  EXPECT_EQ(values[16], -0.5F);
  EXPECT_EQ(values[31], 0.0F);
  put(with_least, kTwo, 2);
  put(with_least, kHigh, 4);
  values = decoded(BlockType::kQ5_1, with_least + nibbles(16));
  EXPECT_EQ(values[0], 10.0F);
  EXPECT_EQ(values[1], 2.5F);
  EXPECT_EQ(values[31], 10.0F);
}

TEST(Blocks, SuperBlocksOfFourBits) {
  std::string block;
  put(block, kOne, 2);
  put(block, kHalf, 2);
  // Parts 0 to 3: scales 1, 2, 3, 63 and minima 4, 5, 6, 7; with the upper two bits of parts 4 to
  // 7 above them: of the scale 1 << 4 at part 4, of the minimum 2 << 4 at part 5.
  for (const std::uint64_t packed : {1 | 1 << 6, 2, 3, 63, 4, 5 | 2 << 6, 6, 7})
    put(block, packed, 1);
  // Lower four bits: scale 9 and minimum 1 at part 4; 0 and 15 at 5; 1 and 0 at 6; 2 and 0 at 7.
  for (const std::uint64_t packed : {9 | 1 << 4, 15 << 4, 1, 2})
    put(block, packed, 1);
  const std::vector<float> values = decoded(BlockType::kQ4_K, block + nibbles(128));
  EXPECT_EQ(values[3], 1.0F * 3.0F - 2.0F);         // part 0
  EXPECT_EQ(values[32 + 3], 2.0F * 12.0F - 2.5F);   // part 1: the high nibbles of the same bytes
  EXPECT_EQ(values[96 + 3], 63.0F * 12.0F - 3.5F);  // part 3
  EXPECT_EQ(values[128 + 3], 25.0F * 3.0F - 0.5F);  // part 4: 9 + 16, 1
  EXPECT_EQ(values[160 + 3], -0.5F * 47.0F);        // part 5: 0, 15 + 32
  EXPECT_EQ(values[192 + 31], 1.0F * 15.0F);        // part 6
  EXPECT_EQ(values[224 + 31], 0.0F);                // part 7
}

TEST(Blocks, SuperBlocksOfSixBits) {
  std::string block = nibbles(128);
  // Upper bits 0, 1, 2, 3 for values 0, 32, 64 and 96 behind each other in the first half, 3 all
  // through the second.
  block += std::string(32, static_cast<char>(0xE4)) + std::string(32, static_cast<char>(0xFF));
  for (unsigned part = 0; part < 16; ++part)
    put(block, part - 4U, 1);
  put(block, kHalf, 2);
  const std::vector<float> values = decoded(BlockType::kQ6_K, block);
  EXPECT_EQ(values[2], 0.5F * -4.0F * (2.0F - 32.0F));
  EXPECT_EQ(values[16 + 2], 0.5F * -3.0F * (2.0F - 32.0F));
  EXPECT_EQ(values[32 + 2], 0.5F * -2.0F * (2.0F + 16.0F - 32.0F));
  EXPECT_EQ(values[64 + 2], 0.0F);
  EXPECT_EQ(values[96 + 2], 0.5F * 2.0F * (13.0F + 48.0F - 32.0F));
  EXPECT_EQ(values[80 + 2], 0.5F * 1.0F * (13.0F + 32.0F - 32.0F));
  EXPECT_EQ(values[255], 0.5F * 11.0F * (0.0F + 48.0F - 32.0F));
}

}  // namespace
}  // namespace plateau
