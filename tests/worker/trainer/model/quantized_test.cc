// A base in a few bits a value computes what the same numbers compute when they are kept as
// numbers.
#include <random>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/file.h"
#include "common/gguf/blocks.h"
#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_llama.h"
#include "worker/kernels/quantize_nf4.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/model/packed_linear.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::distance;
using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

const std::vector<BlockType> kTypes = {
    BlockType::kF32,  BlockType::kF16,  BlockType::kBF16, BlockType::kQ4_0, BlockType::kQ4_1,
    BlockType::kQ5_0, BlockType::kQ5_1, BlockType::kQ8_0, BlockType::kQ4_K, BlockType::kQ6_K};

// Random blocks whose scales are ordinary numbers of both signs.
kernels::QuantizedMatrix random_blocks(BlockType type, std::int64_t rows, std::int64_t columns) {
  const auto values = static_cast<std::int64_t>(block_values(type));
  const auto size = static_cast<std::int64_t>(block_size_bytes(type));
  at::Tensor bytes = at::empty({rows, columns / values * size}, at::kByte);
  std::mt19937 random(static_cast<unsigned>(type));
  auto* out = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < bytes.numel(); ++i)
    out[i] = static_cast<std::uint8_t>(random() % 256 & 0xbb);
  return {rows, columns, kernels::GgufBlocks{type, bytes}};
}

// By the scalar reader of GGUF files.
at::Tensor numbers_of(const kernels::QuantizedMatrix& matrix, BlockType type) {
  const auto& bytes = std::get<kernels::GgufBlocks>(matrix.blocks).bytes;
  std::vector<float> values(static_cast<std::size_t>(matrix.rows * matrix.columns));
  decode_blocks(type, {static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()},
                values);
  return at::tensor(values).view({matrix.rows, matrix.columns}).to(at::kDouble);
}

bool is_near(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  return (a - b).to(at::kDouble).norm().item<double>() <=
         tolerance * b.to(at::kDouble).norm().item<double>();
}

TEST(FrozenTensor, of_another_dtype_multiplies_in_tiles_as_at_once) {
  const at::Tensor numbers = normal_tensor({700, 300}, 1.0, 1, at::kFloat).to(at::kBFloat16);
  const at::Tensor x = normal_tensor({3, 300}, 1.0, 2, at::kFloat).to(at::kDouble);
  const FrozenTensor weight(numbers);
  const at::Tensor whole = numbers.to(at::kDouble);
  EXPECT_LE((weight.multiply(x) - at::linear(x, whole)).abs().max().item<double>(), 1e-12);
  EXPECT_LE((weight.squared_row_norms() - whole.square().sum(1)).abs().max().item<double>(), 1e-10);
}

TEST(FrozenTensor, every_block_format_multiplies_as_its_numbers_do) {
  for (const BlockType type : kTypes) {
    // Several tiles, and a last one that is cut.
    const std::int64_t columns = 4096, rows = 2 * kTileValues / columns + 5;
    const kernels::QuantizedMatrix matrix = random_blocks(type, rows, columns);
    const at::Tensor numbers = numbers_of(matrix, type);
    ASSERT_TRUE(at::isfinite(numbers).all().item<bool>()) << block_type_name(type);
    const FrozenTensor frozen(matrix, at::kDouble);
    const at::Tensor x = normal_tensor({3, columns}, 1.0, 1, at::kDouble);
    const at::Tensor g = normal_tensor({3, rows}, 1.0, 2, at::kDouble);
    const auto name = block_type_name(type);
    EXPECT_TRUE(is_near(frozen.multiply(x), at::mm(x, numbers.t()), 1e-13)) << name;
    EXPECT_TRUE(is_near(frozen.multiply_back(g), at::mm(g, numbers), 1e-13)) << name;
    EXPECT_TRUE(is_near(frozen.squared_row_norms(), numbers.square().sum(1), 1e-13)) << name;
    EXPECT_TRUE(frozen.dense().equal(numbers)) << name;
    const at::Tensor ids = at::tensor({rows - 1, std::int64_t{0}, std::int64_t{7}}, at::kLong);
    EXPECT_TRUE(frozen.rows_at(ids).equal(numbers.index_select(0, ids))) << name;
    EXPECT_LT(frozen.size_bytes(), rows * columns * 4 + 1) << name;
  }
}

// A sum over tiles that were rounded to bfloat16 one by one would be worse than that.
TEST(FrozenTensor, half_precision_is_as_good_over_tiles_as_over_the_whole) {
  const std::int64_t columns = 1024, rows = 8 * kTileValues / columns;
  const kernels::QuantizedMatrix matrix =
      kernels::quantize_nf4(normal_tensor({rows, columns}, 0.1, 1, at::kFloat));
  const FrozenTensor frozen(matrix, at::kBFloat16);
  const at::Tensor numbers = FrozenTensor(matrix, at::kBFloat16).dense();
  const at::Tensor g = normal_tensor({4, rows}, 1.0, 2, at::kFloat).to(at::kBFloat16);
  const at::Tensor exact = at::mm(g.to(at::kDouble), numbers.to(at::kDouble));
  const double whole = (at::mm(g, numbers) - exact).norm().item<double>();
  const double tiles = (frozen.multiply_back(g) - exact).norm().item<double>();
  EXPECT_LT(tiles, 1.5 * whole);
}

TEST(FrozenTensor, a_transposed_one_is_looked_at_the_other_way) {
  const kernels::QuantizedMatrix matrix =
      kernels::quantize_nf4(normal_tensor({6, 5}, 1.0, 1, at::kFloat));
  const FrozenTensor frozen(matrix, at::kFloat);
  EXPECT_EQ(frozen.transposed().sizes(), (std::vector<std::int64_t>{5, 6}));
  EXPECT_TRUE(frozen.transposed().dense().equal(frozen.dense().t()));
  EXPECT_TRUE(frozen.transposed().transposed().dense().equal(frozen.dense()));
}

// Two sites of different formats in one multiplication, against their numbers in one matrix.
TEST(PackedLinear, matrices_of_several_formats_are_one) {
  const auto first = random_blocks(BlockType::kQ4_K, 6, 256);
  const auto second = random_blocks(BlockType::kQ6_K, 3, 256);
  const at::Tensor bias = normal_tensor({9}, 1.0, 3, at::kDouble);
  std::vector<LinearSite> sites(2);
  sites[0].weight = FrozenTensor(first, at::kDouble);
  sites[1].weight = FrozenTensor(second, at::kDouble);
  const FrozenLinear blocks{{sites[0].weight, sites[1].weight}, bias, {{0, 0}, {1, 6}}};
  const at::Tensor fused =
      at::cat({numbers_of(first, BlockType::kQ4_K), numbers_of(second, BlockType::kQ6_K)});
  const FrozenLinear numbers{{fused}, bias, {{0, 0}, {1, 6}}};
  RowShare share;
  share.rows = 4;
  std::vector<at::Tensor> outputs, gradients;
  for (const FrozenLinear* linear : {&blocks, &numbers}) {
    const at::Tensor x = as_leaf(normal_tensor({4, 256}, 1.0, 1, at::kDouble));
    const at::Tensor y = packed_linear(*linear, sites, x, {share});
    torch::autograd::backward({(y * y).sum()});
    outputs.push_back(y.detach());
    gradients.push_back(x.grad());
  }
  EXPECT_TRUE(is_near(outputs[0], outputs[1], 1e-13));
  EXPECT_TRUE(is_near(gradients[0], gradients[1], 1e-13));
}

TensorMap tiny_gpt2_tensors() {
  TensorMap tensors;
  std::uint64_t seed = 1;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors["transformer." + name] = normal_tensor(shape, 0.4, seed++, at::kDouble);
  };
  const auto add_linear = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + ".weight", {in, out});
    add(name + ".bias", {out});
  };
  add("wte.weight", {40, 16});
  add("wpe.weight", {32, 16});
  for (const char* norm : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
    add(std::string(norm) + ".weight", {16});
    add(std::string(norm) + ".bias", {16});
  }
  add_linear("h.0.attn.c_attn", 16, 48);
  add_linear("h.0.attn.c_proj", 16, 16);
  add_linear("h.0.mlp.c_fc", 16, 64);
  add_linear("h.0.mlp.c_proj", 64, 16);
  return tensors;
}

at::Tensor gpt2_states(const TensorMap& tensors, Storage storage) {
  const auto folder = testing::fresh_folder("gpt2");
  EXPECT_TRUE(write_tensors(folder / "model.safetensors", tensors, {}));
  EXPECT_TRUE(write_file_atomically(
      folder / "config.json",
      R"({"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 40,
          "n_positions": 32, "activation_function": "gelu_new"})"));
  const auto model = load_model(folder, {Pooling::kCls, at::kDouble, storage});
  EXPECT_TRUE(model) << model.error().message;
  // As the checkpoint shapes them, whatever they are kept as.
  for (const ModelParameter& parameter : (*model)->parameters())
    EXPECT_EQ(parameter.value.sizes(), tensors.at(parameter.name).sizes().vec()) << parameter.name;
  const std::vector<std::int32_t> text = {5, 9, 3, 30};
  TrialSequences trial;
  trial.sequences = {{text, {}}};
  return (*model)->states(pack_batch({&trial, 1}, at::kDouble));
}

// GPT-2 keeps its matrices the other way round; bitsandbytes quantises them as linear layers.
TEST(FourBits, a_transposed_matrix_is_quantised_upright) {
  TensorMap numbers = tiny_gpt2_tensors();
  const at::Tensor blocks = gpt2_states(numbers, Storage::kNf4);
  EXPECT_FALSE(is_near(blocks, gpt2_states(numbers, Storage::kNumbers), 1e-3));
  for (auto& [name, tensor] : numbers) {
    if (name.find(".c_") == std::string::npos || tensor.dim() != 2) continue;
    tensor = FrozenTensor(kernels::quantize_nf4(tensor.t()), at::kDouble).dense().t().contiguous();
  }
  EXPECT_TRUE(is_near(blocks, gpt2_states(numbers, Storage::kNumbers), 1e-12));
}

void train(const std::vector<Member*>& members, int steps) {
  Pack pack;
  for (Member* member : members)
    pack.join(member);
  for (int i = 0; i < steps; ++i)
    pack.step();
}

// The same model with its matrices' NF4 numbers written out.
std::shared_ptr<const Model> tiny_bert_of_nf4_numbers() {
  const auto folder = testing::write_tiny_bert();
  auto tensors = read_tensors(folder / "model.safetensors");
  EXPECT_TRUE(tensors);
  for (auto& [name, tensor] : *tensors) {
    if (tensor.dim() != 2 || name.find("embeddings") != std::string::npos) continue;
    tensor = FrozenTensor(kernels::quantize_nf4(tensor), at::kDouble).dense();
  }
  EXPECT_TRUE(write_tensors(folder / "model.safetensors", *tensors, {}));
  auto model = load_model(folder, {Pooling::kMean, at::kDouble});
  EXPECT_TRUE(model);
  return *model;
}

class OnFourBits : public ::testing::TestWithParam<const char*> {};

TEST_P(OnFourBits, a_method_trains_as_on_the_same_numbers) {
  const auto data = tiny_data();
  const Trial trial = tiny_trial(GetParam(), 3, 21);
  auto blocks = tiny_member(trial, tiny_bert(at::kDouble, Pooling::kMean, Storage::kNf4), data);
  auto numbers = tiny_member(trial, tiny_bert_of_nf4_numbers(), data);
  const TensorMap initial = numbers->snapshot();
  EXPECT_LE(distance(blocks->snapshot(), initial), 1e-12);  // DoRA's magnitudes are row norms.
  train({blocks.get()}, 5);
  train({numbers.get()}, 5);
  const TensorMap expected = numbers->snapshot();
  EXPECT_LE(distance(blocks->snapshot(), expected), 1e-9 * distance(expected, initial));
}

INSTANTIATE_TEST_SUITE_P(Methods, OnFourBits,
                         ::testing::Values("lora", "dora", "ia3", "loreft", "houlsby", "prompt",
                                           "layer_norm"),
                         [](const auto& method) { return std::string(method.param); });

TEST(FourBits, a_trial_in_a_pack_gives_what_it_gives_alone) {
  const auto model = tiny_bert(at::kDouble, Pooling::kMean, Storage::kNf4);
  const auto data = tiny_data();
  const auto make = [&](const char* method, std::uint64_t seed) {
    return tiny_member(tiny_trial(method, 3, seed), model, data);
  };
  auto alone = make("dora", 21), packed = make("dora", 21), one = make("qlora", 5),
       other = make("ia3", 6);
  const TensorMap initial = alone->snapshot();
  train({alone.get()}, 3);
  train({one.get(), packed.get(), other.get()}, 3);
  const TensorMap expected = alone->snapshot();
  EXPECT_LE(distance(packed->snapshot(), expected), 1e-12 * distance(expected, initial));
}

TEST(FourBits, matrices_in_blocks_cannot_be_trained) {
  const auto model = tiny_bert(at::kDouble, Pooling::kMean, Storage::kNf4);
  for (const char* method : {"full", "last_layers"}) {
    const auto member = Member::create(tiny_trial(method, 3, 1), model, tiny_data());
    ASSERT_FALSE(member);
    EXPECT_NE(member.error().message.find("a few bits a value"), std::string::npos);
  }
}

TEST(FourBits, qlora_needs_them) {
  const auto member = Member::create(tiny_trial("qlora", 3, 1), tiny_bert(), tiny_data());
  ASSERT_FALSE(member);
  EXPECT_NE(member.error().message.find("quantization: nf4"), std::string::npos);
}

TEST(FourBits, take_an_eighth_of_float32_in_linear_layers) {
  const auto linear_bytes = [](const Model& model) {
    std::int64_t bytes = 0;
    for (const LinearSite& site : model.linears())
      bytes += site.weight.size_bytes();
    return bytes;
  };
  const auto four = tiny_bert(at::kFloat, Pooling::kMean, Storage::kNf4);
  const auto numbers = tiny_bert(at::kFloat, Pooling::kMean);
  // 12 matrices, each with its code of 256 scales beside its codes and scales.
  const std::int64_t values = linear_bytes(*numbers) / 4;
  EXPECT_EQ(linear_bytes(*four), values / 2 + values / 64 + 12 * (1024 + 4));
  EXPECT_EQ(four->info().parameters, numbers->info().parameters);
}

}  // namespace
}  // namespace plateau::trainer
