#include "worker/trainer/model/model.h"

#include <map>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/file.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

using testing::fresh_folder;
using testing::tiny_bert;
using testing::write_tiny_bert;

const std::vector<std::int32_t> kLong = {5, 9, 3, 30, 2, 7}, kShort = {8, 1}, kOther = {4, 4, 39};

TrialSequences sequences(std::vector<Sequence> list) {
  TrialSequences trial;
  trial.sequences = std::move(list);
  return trial;
}

PackedBatch batch_of(std::vector<TrialSequences> trials) {
  return pack_batch(trials, at::TensorOptions().dtype(at::kDouble));
}

TEST(Model, a_text_gives_the_same_in_any_company) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kCls}) {
    const auto model = tiny_bert(at::kDouble, pooling);
    const at::NoGradGuard no_grad;
    const at::Tensor together = model->features(
        batch_of({sequences({{kLong, {}}, {kShort, {}}}), sequences({{kOther, {}}})}));
    std::vector<at::Tensor> apart;
    for (const auto* text : {&kLong, &kShort, &kOther})
      apart.push_back(model->features(batch_of({sequences({{*text, {}}})})));
    EXPECT_LE((together - at::cat(apart)).abs().max().item<double>(), 1e-12);
  }
}

// Sees how many of a trial's rows a sub-layer of each block puts out.
class RowCounter : public TrialHooks {
 public:
  SublayerEdit sublayer_edit(std::int64_t, Sublayer) const override {
    return SublayerEdit::kOutput;
  }
  at::Tensor sublayer_addition(const SublayerInput& input, const at::Tensor& read) const override {
    rows[input.layer] = read.size(0);
    return at::zeros_like(read);
  }
  mutable std::map<std::int64_t, std::int64_t> rows;
};

TEST(Model, the_last_block_computes_what_a_classifier_reads) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kCls}) {
    const auto model = tiny_bert(at::kDouble, pooling);
    RowCounter counter;
    TrialSequences trial = sequences({{kLong, {}}, {kShort, {}}, {kOther, {}}});
    trial.hooks = &counter;
    model->features(batch_of({trial}));
    EXPECT_EQ(counter.rows.at(0), 11);
    EXPECT_EQ(counter.rows.at(model->info().layers - 1), pooling == Pooling::kCls ? 3 : 11);
  }
}

TEST(Model, token_types_and_positions_count) {
  const auto model = tiny_bert();
  const at::NoGradGuard no_grad;
  const std::vector<std::int32_t> types = {0, 1}, reversed = {1, 8};
  const at::Tensor plain = model->features(batch_of({sequences({{kShort, {}}})}));
  const at::Tensor typed = model->features(batch_of({sequences({{kShort, types}})}));
  const at::Tensor turned = model->features(batch_of({sequences({{reversed, {}}})}));
  EXPECT_GT((plain - typed).abs().max().item<double>(), 1e-3);
  EXPECT_GT((plain - turned).abs().max().item<double>(), 1e-3);
}

TEST(Model, reads_names_with_and_without_prefix) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> features;
  for (const char* prefix : {"", "bert."}) {
    const auto model = load_model(write_tiny_bert(prefix), {Pooling::kMean, at::kDouble});
    ASSERT_TRUE(model) << model.error().message;
    features.push_back((*model)->features(batch_of({sequences({{kLong, {}}})})));
  }
  EXPECT_TRUE(features[0].equal(features[1]));
}

TEST(Model, the_frozen_base_builds_no_graph) {
  const auto model = tiny_bert();
  EXPECT_FALSE(model->features(batch_of({sequences({{kLong, {}}})})).requires_grad());
  for (const LinearSite& site : model->linears())
    EXPECT_FALSE(site.weight.dense().requires_grad()) << site.name;
}

TEST(Model, counts_parameters_and_sites_by_pooling) {
  const auto mean = tiny_bert(at::kFloat, Pooling::kMean);
  const auto cls = tiny_bert(at::kFloat, Pooling::kCls);
  EXPECT_EQ(mean->linears().size(), 12U);
  EXPECT_EQ(cls->linears().size(), 13U);
  EXPECT_EQ(cls->linears().back().name, "bert.pooler.dense");
  EXPECT_EQ(cls->info().parameters - mean->info().parameters, 16 * 16 + 16);
}

TEST(Model, names_an_unsupported_architecture_and_the_supported_ones) {
  const auto folder = write_tiny_bert();
  ASSERT_TRUE(write_file_atomically(folder / "config.json", R"({"model_type": "t5"})"));
  const auto model = load_model(folder, {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(model.error().message.find("'t5'"), std::string::npos);
  for (const std::string& name : supported_architectures())
    EXPECT_NE(model.error().message.find(name), std::string::npos) << model.error().message;
}

TEST(Model, reads_a_folder_of_shards) {
  const auto whole = write_tiny_bert(), sharded = fresh_folder("sharded");
  std::filesystem::copy(whole / "config.json", sharded / "config.json");
  TensorMap shards[2];
  nlohmann::json index = {{"metadata", nlohmann::json::object()}};
  int number = 0;
  const auto tensors = read_tensors(whole / "model.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().message;
  for (const auto& [name, tensor] : *tensors) {
    const int shard = number++ % 2;
    shards[shard][name] = tensor;
    index["weight_map"][name] = "model-" + std::to_string(shard) + ".safetensors";
  }
  for (const int shard : {0, 1})
    ASSERT_TRUE(write_tensors(sharded / ("model-" + std::to_string(shard) + ".safetensors"),
                              shards[shard], {}));
  ASSERT_TRUE(write_file_atomically(sharded / "model.safetensors.index.json", index.dump()));
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> features;
  for (const auto& folder : {whole, sharded}) {
    const auto model = load_model(folder, {Pooling::kCls, at::kDouble});
    ASSERT_TRUE(model) << model.error().message;
    features.push_back((*model)->features(batch_of({sequences({{kLong, {}}})})));
  }
  EXPECT_TRUE(features[0].equal(features[1]));
  std::filesystem::remove(sharded / "model-1.safetensors");
  const auto missing = load_model(sharded, {Pooling::kCls, at::kDouble});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("model-1.safetensors"), std::string::npos);
}

TEST(Model, names_what_is_wrong_with_weights_and_configuration) {
  const auto folder = write_tiny_bert();
  auto config = nlohmann::json::parse(*read_file(folder / "config.json"));
  const auto load_with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json changed = config;
    changed[key] = value;
    EXPECT_TRUE(write_file_atomically(folder / "config.json", changed.dump()));
    return load_model(folder, {});
  };
  const auto layers = load_with("num_hidden_layers", 3);
  ASSERT_FALSE(layers);
  EXPECT_NE(layers.error().message.find("encoder.layer.2"), std::string::npos);
  const auto shape = load_with("intermediate_size", 25);
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(shape.error().message.find("[24, 16]"), std::string::npos);
  EXPECT_FALSE(load_with("hidden_size", nullptr));
  EXPECT_FALSE(load_model(fresh_folder("empty"), {}));
}

TEST(Tensors, survive_a_file_in_each_dtype) {
  const auto folder = fresh_folder("tensors");
  const at::Tensor values = normal_tensor({3, 2}, 1.0, 1, at::kDouble);
  TensorMap tensors;
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf})
    tensors[c10::toString(type)] = values.to(type);
  tensors["transposed"] = values.t();
  ASSERT_TRUE(write_tensors(folder / "a.safetensors", tensors, {{"x", "y"}}));
  std::map<std::string, std::string> metadata;
  const auto read = read_tensors(folder / "a.safetensors", &metadata);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(metadata["x"], "y");
  for (const auto& [name, tensor] : tensors)
    EXPECT_TRUE(read->at(name).equal(tensor)) << name;
}

}  // namespace
}  // namespace plateau::trainer
