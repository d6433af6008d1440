// What a method's options do: where it starts, which tensors it trains, how its update is scaled.
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/eval/evaluate.h"

namespace plateau::trainer {
namespace {

using testing::families;
using testing::Family;
using testing::family_model;
using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_parameters;

std::unique_ptr<Adapter> made(const Model& model, const std::string& method,
                              const nlohmann::json& change, std::uint64_t seed = 1,
                              std::int64_t rank = 3) {
  nlohmann::json parameters = tiny_parameters(method, rank);
  if (!change.is_null()) parameters.update(change);
  auto adapter = make_adapter(method, {model, parameters, seed});
  EXPECT_TRUE(adapter) << adapter.error().message;
  return std::move(*adapter);
}

std::set<std::string> names_of(const Adapter& adapter) {
  std::set<std::string> names;
  for (const TrainedTensor& tensor : adapter.trained())
    names.insert(tensor.name);
  return names;
}

TEST(Bottleneck, starts_by_its_rule) {
  const auto model = tiny_bert();
  const at::NoGradGuard no_grad;
  const at::Tensor base = split_features(*model, nullptr, tiny_data()->test);
  for (const auto& [rule, deviation] :
       {std::pair{"bert", 0.02}, std::pair{"houlsby", 0.0088}, std::pair{"identity", 0.02}}) {
    const auto adapter = made(*model, "houlsby", {{"bottleneck_init", rule}}, 1, 16);
    std::vector<at::Tensor> down;
    for (const TrainedTensor& tensor : adapter->trained()) {
      if (tensor.name.ends_with("down.0.weight")) down.push_back(tensor.value.reshape({-1}));
      if (tensor.name.ends_with("bias")) {
        EXPECT_EQ(tensor.value.abs().max().item<double>(), 0.0) << tensor.name;
      }
    }
    const at::Tensor all = at::cat(down);  // 1,024 numbers
    EXPECT_NEAR(all.std().item<double>(), deviation, 0.1 * deviation) << rule;
    const bool is_cut = all.abs().max().item<double>() <= 0.02;
    EXPECT_EQ(is_cut, std::string(rule) == "houlsby");
    const at::Tensor now = split_features(*model, adapter.get(), tiny_data()->test);
    EXPECT_EQ(now.equal(base), std::string(rule) == "identity");
  }
}

TEST(Bottleneck, computes_its_activation_and_scaling) {
  const auto model = tiny_bert();
  const at::NoGradGuard no_grad;
  const at::Tensor x = normal_tensor({5, 16}, 40.0, 3, at::kDouble);
  const std::vector<std::int64_t> lengths = {5};
  const std::map<std::string, at::Tensor (*)(const at::Tensor&)> functions = {
      {"swish", [](const at::Tensor& t) { return t * t.sigmoid(); }},
      {"relu", [](const at::Tensor& t) { return t.clamp_min(0.0); }},
      {"gelu", [](const at::Tensor& t) { return t * 0.5 * ((t / std::sqrt(2.0)).erf() + 1.0); }},
      {"tanh", [](const at::Tensor& t) { return t.tanh(); }},
      {"sigmoid", [](const at::Tensor& t) { return t.sigmoid(); }}};
  for (const auto& [name, function] : functions) {
    const auto adapter = made(*model, "houlsby", {{"activation", name}, {"scaling", 3.0}});
    const auto tensors =
        adapter->trained();  // the first bottleneck's: down, its bias, up, its bias
    const at::Tensor expected =
        at::linear(function(at::linear(x, tensors[0].value, tensors[1].value)), tensors[2].value,
                   tensors[3].value) *
        3.0;
    const at::Tensor got =
        adapter->sublayer_addition({0, Sublayer::kAttention, lengths, DropoutKey{}}, x);
    EXPECT_LE((got - expected).abs().max().item<double>(), 1e-14) << name;
  }
}

TEST(Prompt, starts_at_random_or_at_words) {
  const auto model = tiny_bert();
  const at::Tensor table = model->parameters().front().value.dense();
  ASSERT_EQ(table.size(0), 40);
  const auto start = [&](const char* rule, std::uint64_t seed) {
    return made(*model, "prompt", {{"prompt_init", rule}}, seed, 8)->trained().front().value;
  };
  const at::Tensor words = start("vocabulary", 1), random = start("random", 1);
  const auto distance_to_words = [&](const at::Tensor& rows) {
    return std::get<0>(at::cdist(rows, table).min(1)).max().item<double>();
  };
  EXPECT_LT(distance_to_words(words), 1e-6);
  EXPECT_GT(distance_to_words(random), 0.1);
  EXPECT_NEAR(random.std().item<double>(), 1.0, 0.2);
  EXPECT_FALSE(words.equal(start("vocabulary", 2)));
  EXPECT_TRUE(words.equal(start("vocabulary", 1)));
}

TEST(Prefix, starts_at_random_or_at_zero) {
  const auto model = tiny_bert();
  const auto start = [&](const char* rule) {
    return made(*model, "prefix", {{"prefix_init", rule}}, 1, 8)->trained().front().value;
  };
  EXPECT_EQ(start("zero").abs().max().item<double>(), 0.0);
  EXPECT_NEAR(start("random").std().item<double>(), 1.0, 0.1);
}

class Selection : public ::testing::TestWithParam<Family> {};

TEST_P(Selection, trains_the_tensors_that_it_says) {
  const auto model = family_model(GetParam());
  std::set<std::string> biases, norms, last, all;
  const std::string block = model->block_name(1) + ".";
  for (const ModelParameter& parameter : model->parameters()) {
    const std::string& name = parameter.name;
    all.insert(name);
    if (name.ends_with("bias")) biases.insert(name);
    const bool is_norm = name.find("Norm") != std::string::npos ||
                         name.find("norm") != std::string::npos ||
                         name.find(".ln_") != std::string::npos;
    if (is_norm) norms.insert(name);
    if (name.starts_with(block)) last.insert(name);
  }
  EXPECT_EQ(names_of(*made(*model, "layer_norm", {})), norms);
  EXPECT_EQ(names_of(*made(*model, "last_layers", {{"trained_layers", 1}})), last);
  EXPECT_EQ(names_of(*made(*model, "full", {})), all);
  if (!biases.empty()) {
    EXPECT_EQ(names_of(*made(*model, "bitfit", {})), biases);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Selection, ::testing::ValuesIn(families()),
                         [](const auto& one) { return one.param.name; });

TEST(Lora, rslora_divides_by_the_root_of_the_rank) {
  const auto model = tiny_bert();
  const at::NoGradGuard no_grad;
  const auto update = [&](bool rslora) {
    const auto adapter = made(*model, "lora", {{"rslora", rslora}, {"alpha", 6.0}}, 1, 4);
    for (const TrainedTensor& tensor : adapter->trained())
      tensor.value.detach().fill_(0.5);
    const MergedParameter merged = adapter->merged()->front();
    return (merged.value - model->parameters()[merged.index].value.dense()).mean().item<double>();
  };
  EXPECT_NEAR(update(false), 6.0 / 4.0 * 4 * 0.25, 1e-12);
  EXPECT_NEAR(update(true), 6.0 / 2.0 * 4 * 0.25, 1e-12);
}

}  // namespace
}  // namespace plateau::trainer
