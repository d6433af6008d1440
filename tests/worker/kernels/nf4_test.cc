// NF4 against vectors that bitsandbytes 0.50.2 made, and by hand where those are not here.
#include <cstdlib>
#include <filesystem>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worker/kernels/dequantize.h"
#include "worker/kernels/quantize_nf4.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::kernels {
namespace {

namespace fs = std::filesystem;

at::Tensor dequantized(const QuantizedMatrix& matrix) {
  at::Tensor out = at::empty({matrix.rows, matrix.columns}, at::kFloat);
  dequantize_rows(matrix, 0, out);
  return out;
}

TEST(Nf4, keeps_the_codes_values_and_zero_blocks) {
  // Every value of the code times its block's maximum; all blocks alike, so their scales are exact.
  const std::vector<float> code = {-1.0F,     -0.69619F, -0.52507F, -0.39492F, -0.28444F, -0.18477F,
                                   -0.09105F, 0.0F,      0.07958F,  0.16093F,  0.24611F,  0.33792F,
                                   0.44071F,  0.56262F,  0.72296F,  1.0F};
  const at::Tensor weight = at::tensor(code).repeat({4, 8}) * 3.0;  // [4, 128]: 8 blocks
  const QuantizedMatrix matrix = quantize_nf4(weight);
  EXPECT_LT((dequantized(matrix) - weight).abs().max().item<float>(), 1e-4);
  const auto& blocks = std::get<Nf4Blocks>(matrix.blocks);
  EXPECT_EQ(blocks.codes[0].item<int>(), 0x01) << "the first code lies in the high nibble";
  EXPECT_EQ(blocks.codes.numel(), 4 * 128 / 2);
  EXPECT_EQ(blocks.scales.numel(), 8);
  EXPECT_EQ(dequantized(quantize_nf4(at::zeros({2, 64}))).abs().max().item<float>(), 0.0F);
}

TEST(Nf4, takes_a_little_more_than_half_a_byte_a_value) {
  const std::int64_t bytes = size_bytes(quantize_nf4(at::randn({512, 512})));
  // 4 bits, 8 bits a block of 64, 32 bits a block of 256 blocks, and the code of the scales.
  EXPECT_EQ(bytes, 512 * 512 / 2 + 4096 + 16 * 4 + 1024);
}

TEST(Nf4, scales_have_bitsandbytes_dynamic_code) {
  const at::Tensor code = dynamic_code();
  ASSERT_EQ(code.numel(), 256);
  EXPECT_EQ(code[255].item<float>(), 1.0F);
  EXPECT_EQ(code[127].item<float>(), 0.0F);
  EXPECT_FLOAT_EQ(code[0].item<float>(), -0.99296875F);
  EXPECT_TRUE(at::equal(code, std::get<0>(code.sort())));
}

// The vectors of ${PLATEAU_SHARED} or ../shared.
class Vectors : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("PLATEAU_SHARED");
    const char* source = std::getenv("PLATEAU_SOURCE_DIR");
    const fs::path folder = shared != nullptr
                                ? fs::path(shared)
                                : fs::path(source != nullptr ? source : ".") / "../shared";
    const fs::path file = folder / "golden" / "misc" / "quant4.safetensors";
    if (!fs::exists(file)) GTEST_SKIP() << file << " is not here";
    auto opened = trainer::SafetensorsFile::open(file);
    ASSERT_TRUE(opened) << opened.error().message;
    file_ = *opened;
  }

  at::Tensor get(const std::string& name) const {
    const auto view = file_.get(name);
    EXPECT_TRUE(view) << name;
    const bool bytes = view->dtype == trainer::DType::kU8;
    return at::from_blob(const_cast<std::byte*>(view->bytes.data()), view->shape,
                         bytes ? at::kByte : at::kFloat)
        .clone();
  }

  trainer::SafetensorsFile file_;
};

// Failed once with scales at their nearest code instead of the grid's, and once with an odd last
// value beside a nibble of 0 instead of the code of zero.
TEST_F(Vectors, of_bitsandbytes_are_met_to_the_bit) {
  for (const char* name : {"normal_64x96", "wide_80x128", "ragged_7x37", "zeros_2x64"}) {
    const std::string wanted = std::string(name) + ".nf4.b64.dq.";
    const QuantizedMatrix matrix = quantize_nf4(get(std::string(name) + ".input"));
    const auto& blocks = std::get<Nf4Blocks>(matrix.blocks);
    EXPECT_TRUE(at::equal(blocks.codes, get(wanted + "packed"))) << name;
    EXPECT_TRUE(at::equal(blocks.scales, get(wanted + "absmax_u8"))) << name;
    EXPECT_TRUE(at::equal(blocks.scale_code, get(wanted + "code2"))) << name;
    EXPECT_TRUE(at::equal(blocks.scale_maxima, get(wanted + "absmax2"))) << name;
    EXPECT_EQ(blocks.scale_mean, get(wanted + "offset").item<float>()) << name;
    EXPECT_TRUE(at::equal(dequantized(matrix), get(wanted + "dequant"))) << name;
  }
}

}  // namespace
}  // namespace plateau::kernels
