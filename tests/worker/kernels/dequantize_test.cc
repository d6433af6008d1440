#include "worker/kernels/dequantize.h"

#include <random>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/gguf/blocks.h"
#include "worker/kernels/cuda_library.h"
#include "worker/kernels/quantize_nf4.h"

namespace plateau::kernels {
namespace {

using plateau::BlockType;

const std::vector<BlockType> kTypes = {
    BlockType::kF32,  BlockType::kF16,  BlockType::kBF16, BlockType::kQ4_0, BlockType::kQ4_1,
    BlockType::kQ5_0, BlockType::kQ5_1, BlockType::kQ8_0, BlockType::kQ4_K, BlockType::kQ6_K};

// Random bytes whose scales are ordinary numbers: half the exponents would be NaN or infinite.
QuantizedMatrix random_blocks(BlockType type, std::int64_t rows, std::int64_t columns) {
  const auto values = static_cast<std::int64_t>(plateau::block_values(type));
  const auto size = static_cast<std::int64_t>(plateau::block_size_bytes(type));
  at::Tensor bytes = at::empty({rows, columns / values * size}, at::kByte);
  std::mt19937 random(static_cast<unsigned>(type));
  auto* out = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < bytes.numel(); ++i)
    out[i] = static_cast<std::uint8_t>(random() % 256 & 0xbf);
  return {rows, columns, GgufBlocks{type, bytes}};
}

// What common/gguf, which follows ggml's reference functions, makes of the same bytes.
at::Tensor reference(const QuantizedMatrix& matrix, BlockType type) {
  const auto& bytes = std::get<GgufBlocks>(matrix.blocks).bytes;
  std::vector<float> values(static_cast<std::size_t>(matrix.rows * matrix.columns));
  plateau::decode_blocks(
      type, {static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()}, values);
  return at::tensor(values).view({matrix.rows, matrix.columns});
}

// Bit for bit, NaN as NaN.
bool is_same(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(at::nan_to_num(a, 1234.5), at::nan_to_num(b, 1234.5)) &&
         at::equal(a.isnan(), b.isnan());
}

TEST(Dequantize, gives_every_block_format_to_the_bit) {
  for (const BlockType type : kTypes) {
    // More than one chunk, and a last one that is cut.
    const QuantizedMatrix matrix = random_blocks(type, 37, 512);
    const at::Tensor expected = reference(matrix, type);
    for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
      at::Tensor out = at::empty({37, 512}, dtype);
      dequantize_rows(matrix, 0, out);
      EXPECT_TRUE(is_same(out, expected.to(dtype)))
          << plateau::block_type_name(type) << " " << dtype;
    }
  }
}

TEST(Dequantize, gives_any_rows) {
  for (const BlockType type : kTypes) {
    const QuantizedMatrix matrix = random_blocks(type, 9, 256);
    at::Tensor out = at::empty({4, 256}, at::kFloat);
    dequantize_rows(matrix, 3, out);
    EXPECT_TRUE(is_same(out, reference(matrix, type).narrow(0, 3, 4)))
        << plateau::block_type_name(type);
  }
}

// 37 columns: rows begin inside a byte and inside a block.
TEST(Dequantize, gives_any_rows_of_nf4) {
  for (const std::int64_t columns : {37, 64, 96}) {
    const at::Tensor weight = at::randn({29, columns}, at::kFloat);
    const QuantizedMatrix matrix = quantize_nf4(weight);
    at::Tensor whole = at::empty({29, columns}, at::kFloat);
    dequantize_rows(matrix, 0, whole);
    for (std::int64_t row = 0; row < 29; ++row) {
      at::Tensor out = at::empty({1, columns}, at::kFloat);
      dequantize_rows(matrix, row, out);
      EXPECT_TRUE(at::equal(out, whole.narrow(0, row, 1))) << columns << ", row " << row;
    }
  }
}

TEST(Dequantize, refuses_rows_that_are_not_there) {
  const QuantizedMatrix matrix = random_blocks(BlockType::kQ8_0, 4, 32);
  EXPECT_ANY_THROW(dequantize_rows(matrix, 3, at::empty({2, 32})));
  EXPECT_ANY_THROW(dequantize_rows(matrix, 0, at::empty({2, 31})));
  EXPECT_ANY_THROW(dequantize_rows(matrix, 0, at::empty({2, 32}, at::kInt)));
}

TEST(Dequantize, is_the_same_on_a_gpu) {
#ifndef PLATEAU_WITH_CUDA
  GTEST_SKIP() << "built without CUDA";
#else
  ASSERT_TRUE(load_cuda_library());
  if (!at::hasCUDA()) GTEST_SKIP() << "no GPU here";
  for (const BlockType type : kTypes) {
    QuantizedMatrix matrix = random_blocks(type, 37, 512);
    const at::Tensor expected = reference(matrix, type);
    auto& blocks = std::get<GgufBlocks>(matrix.blocks);
    blocks.bytes = blocks.bytes.to(at::kCUDA);
    at::Tensor out = at::empty({37, 512}, at::TensorOptions().device(at::kCUDA));
    dequantize_rows(matrix, 0, out);
    EXPECT_TRUE(is_same(out.cpu(), expected)) << plateau::block_type_name(type);
  }
  const at::Tensor weight = at::randn({29, 37}, at::kFloat);
  at::Tensor here = at::empty({29, 37}), there = at::empty({29, 37}, at::kCUDA);
  dequantize_rows(quantize_nf4(weight), 0, here);
  dequantize_rows(quantize_nf4(weight.to(at::kCUDA)), 0, there);
  EXPECT_TRUE(at::equal(here, there.cpu()));
#endif
}

}  // namespace
}  // namespace plateau::kernels
