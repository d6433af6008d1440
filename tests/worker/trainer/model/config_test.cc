// What config.json says and changes the mathematics is computed or refused by name, never ignored.
#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/file.h"
#include "common/spec/activations.h"
#include "common/spec/parameters.h"
#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/model/layers.h"
#include "worker/trainer/model/model.h"
#include "worker/trainer/model/packed_linear.h"

namespace plateau::trainer {
namespace {

using testing::families;
using testing::Family;
using testing::write_family;
using Json = nlohmann::json;

const Json kAsItIs = Json::object();

const Family& family(const std::string& name) {
  const auto found = std::find_if(families().begin(), families().end(),
                                  [&](const Family& each) { return each.name == name; });
  PLATEAU_CHECK(found != families().end(), name);
  return *found;
}

using Change = std::function<void(TensorMap&)>;

// The family's model with other fields in config.json, and other weights.
Result<std::shared_ptr<const Model>> changed(const std::string& name, const Json& fields,
                                             const Change& change = {}) {
  const Family& base = family(name);
  const auto folder = write_family(base);
  Json config = base.config;
  config.update(fields);
  EXPECT_TRUE(write_file_atomically(folder / "config.json", config.dump()));
  if (change) {
    TensorMap tensors = *read_tensors(folder / "model.safetensors");
    change(tensors);
    EXPECT_TRUE(write_tensors(folder / "model.safetensors", tensors, {}));
  }
  return load_model(folder, {base.pooling, at::kDouble});
}

// What planning says of that config.json; empty: nothing.
std::string planned(const std::string& name, const Json& fields) {
  Json config = family(name).config;
  config.update(fields);
  const auto facts = base_facts_from_config(config, "config.json");
  return facts ? "" : facts.error().message;
}

at::Tensor states(const Model& model) {
  static const std::vector<std::int32_t> kIds = {5, 9, 3, 30, 2, 7, 11, 4};
  TrialSequences trial;
  trial.sequences = {{kIds, {}}};
  return model.states(pack_batch({&trial, 1}, at::kDouble));
}

at::Tensor states(const std::string& name, const Json& fields, const Change& change = {}) {
  const auto model = changed(name, fields, change);
  PLATEAU_CHECK(model.ok(), model ? "" : model.error().message);
  return states(**model);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// What ACT2FN of transformers 4.57.6 makes of 1.
TEST(Activation, every_name_is_its_function) {
  const std::map<std::string, double> expected = {
      {"gelu", 0.841344746},       {"gelu_python", 0.841344746},
      {"gelu_new", 0.841191991},   {"gelu_pytorch_tanh", 0.841191991},
      {"gelu_fast", 0.841191991},  {"gelu_accurate", 0.841191991},
      {"quick_gelu", 0.845795766}, {"relu", 1.0},
      {"silu", 0.731058579},       {"swish", 0.731058579},
      {"tanh", 0.761594156}};
  const at::Tensor one = at::ones({1, 1}, at::kDouble);
  for (const std::string& name : curve_names()) {
    const kernels::Activation activation{*curve_named(name)};
    EXPECT_NEAR(kernels::activate(activation, one).item<double>(), expected.at(name), 1e-9) << name;
  }
  EXPECT_EQ(curve_names().size(), expected.size());
}

// The fused node against the same written with autograd's operations.
TEST(Activation, a_layer_behind_a_curve_has_its_value_and_gradient) {
  for (const std::string& name : curve_names()) {
    for (const bool is_gated : {false, true}) {
      const kernels::Activation activation{*curve_named(name), is_gated};
      const at::Tensor weight = normal_tensor({3, 6}, 1.0, 1, at::kDouble);
      std::vector<LinearSite> sites(1);
      sites.front().weight = weight;
      FrozenLinear linear;
      linear.weights.emplace_back(weight);
      linear.parts.emplace_back();
      const at::Tensor x =
          normal_tensor({5, is_gated ? 12 : 6}, 1.0, 2, at::kDouble).requires_grad_(true);
      RowShare share;
      share.rows = 5;
      const at::Tensor y = packed_linear(linear, sites, x, {share}, activation);
      const at::Tensor weights = normal_tensor({5, 3}, 1.0, 3, at::kDouble);
      const at::Tensor gradient = torch::autograd::grad({(y * weights).sum()}, {x})[0];
      const at::Tensor expected = kernels::activate_back(activation, x.detach().contiguous(),
                                                         at::matmul(weights, weight).contiguous());
      EXPECT_LE(difference(y, at::linear(kernels::activate(activation, x.detach()), weight)), 1e-12)
          << name;
      EXPECT_LE(difference(gradient, expected), 1e-12) << name;
    }
  }
}

struct Named {
  std::string family, key;
};
const std::vector<Named> kActivationKeys = {{"bert", "hidden_act"},
                                            {"roberta", "hidden_act"},
                                            {"gpt2_lm", "activation_function"},
                                            {"llama_lm", "hidden_act"}};

TEST(Config, every_activation_is_computed_and_an_unknown_one_is_refused_with_the_list) {
  for (const auto& [name, key] : kActivationKeys) {
    std::map<kernels::Curve, at::Tensor> seen;
    for (const std::string& curve : curve_names()) {
      const at::Tensor out = states(name, {{key, curve}});
      for (const auto& [other, value] : seen)
        EXPECT_EQ(difference(out, value) == 0.0, other == *curve_named(curve)) << name << curve;
      seen[*curve_named(curve)] = out;
    }
    const auto refused = changed(name, {{key, "gelu_10"}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
    for (const char* part : {"config.json: ", " \"gelu_10\" is not supported; supported: gelu, ",
                             "quick_gelu, relu, silu, swish, tanh"})
      EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
    const std::string expected = planned(name, {{key, "gelu_10"}});
    EXPECT_NE(expected, "");
    EXPECT_TRUE(refused.error().message.ends_with(expected)) << expected;
    EXPECT_NE(refused.error().message.find(key), std::string::npos);
    EXPECT_FALSE(changed(name, {{key, 7}}));
  }
}

TEST(Config, what_is_not_computed_is_refused_by_name_as_it_is_in_planning) {
  const std::vector<std::tuple<std::string, std::string, Json>> kFields = {
      {"bert", "position_embedding_type", "relative_key"},
      {"roberta", "position_embedding_type", "relative_key_query"},
      {"bert", "is_decoder", true},
      {"roberta", "add_cross_attention", true},
      {"gpt2_lm", "add_cross_attention", true},
      {"llama_lm", "partial_rotary_factor", 0.5},
      {"llama_lm", "rope_parameters", {{"partial_rotary_factor", 0.5}}},
      {"llama_lm", "rope_scaling", {{"rope_type", "ntk"}}},
  };
  for (const auto& [name, key, value] : kFields) {
    const auto refused = changed(name, {{key, value}});
    ASSERT_FALSE(refused) << name << " " << key;
    const std::string expected = planned(name, {{key, value}});
    EXPECT_NE(expected, "") << name << " " << key;
    EXPECT_TRUE(refused.error().message.ends_with(expected)) << refused.error().message;
    const std::string looked_for = key == "rope_parameters" ? "partial_rotary_factor" : key;
    EXPECT_NE(expected.find(looked_for), std::string::npos) << expected;
  }
}

TEST(Config, what_is_not_what_it_should_be_does_not_fall_back_to_a_usual_value) {
  const std::vector<std::tuple<std::string, std::string, Json>> kFields = {
      {"bert", "layer_norm_eps", "1e-5"},      {"gpt2_lm", "layer_norm_epsilon", false},
      {"gpt2_lm", "scale_attn_weights", "no"}, {"gpt2_lm", "n_inner", 2.5},
      {"llama_lm", "tie_word_embeddings", 1},  {"llama_lm", "attention_bias", "yes"},
      {"llama_lm", "head_dim", "4"},
  };
  for (const auto& [name, key, value] : kFields) {
    const auto refused = changed(name, {{key, value}});
    ASSERT_FALSE(refused) << name << " " << key;
    EXPECT_NE(refused.error().message.find(key), std::string::npos) << refused.error().message;
  }
}

TEST(Config, what_changes_numbers_is_not_passed_over) {
  const std::vector<std::tuple<std::string, std::string, Json>> kFields = {
      {"bert", "layer_norm_eps", 0.1},    {"roberta", "layer_norm_eps", 0.1},
      {"roberta", "pad_token_id", 3},     {"gpt2_lm", "layer_norm_epsilon", 0.1},
      {"gpt2_lm", "n_head", 4},           {"llama_lm", "rms_norm_eps", 0.1},
      {"llama_lm", "rope_theta", 100.0},  {"gpt2_lm", "scale_attn_weights", false},
      {"bert", "num_attention_heads", 4}, {"gpt2_lm", "scale_attn_by_inverse_layer_idx", true},
      {"mistral", "sliding_window", 3},
  };
  for (const auto& [name, key, value] : kFields) {
    Json plain = Json::object();
    std::string base = name;
    if (name == "mistral") base = "llama_lm", plain["model_type"] = "mistral";
    Json fields = plain;
    fields[key] = value;
    EXPECT_GT(difference(states(base, plain), states(base, fields)), 1e-6) << name << " " << key;
  }
}

// Weights of queries [in, out of queries, keys and values] that do the same.
Change queries_times(double first, double second) {
  return [=](TensorMap& tensors) {
    for (const auto& [layer, factor] : {std::pair{"0", first}, std::pair{"1", second}}) {
      const std::string name = std::string("transformer.h.") + layer + ".attn.c_attn.";
      tensors.at(name + "weight").narrow(1, 0, 16).mul_(factor);
      tensors.at(name + "bias").narrow(0, 0, 16).mul_(factor);
    }
  };
}

TEST(Config, gpt2_scales_scores_as_it_says) {
  const double root = std::sqrt(8.0);  // heads of 8
  const at::Tensor unscaled = states("gpt2_lm", {{"scale_attn_weights", false}});
  EXPECT_LE(difference(unscaled, states("gpt2_lm", kAsItIs, queries_times(root, root))), 1e-12);
  const at::Tensor by_layer = states("gpt2_lm", {{"scale_attn_by_inverse_layer_idx", true}});
  EXPECT_LE(difference(by_layer, states("gpt2_lm", kAsItIs, queries_times(1.0, 0.5))), 1e-12);
  // The same numbers in another order.
  EXPECT_TRUE(
      states("gpt2_lm", {{"reorder_and_upcast_attn", true}}).equal(states("gpt2_lm", kAsItIs)));
}

TEST(Config, gpt2_may_have_output_embeddings_of_its_own) {
  const Json untied = {{"tie_word_embeddings", false}};
  const auto missing = changed("gpt2_lm", untied);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("lm_head.weight"), std::string::npos);
  const at::Tensor head = normal_tensor({40, 16}, 1.0, 5, at::kDouble);
  const auto model =
      changed("gpt2_lm", untied, [&](TensorMap& tensors) { tensors["lm_head.weight"] = head; });
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE((*model)->lm_head().value.dense().equal(head));
  EXPECT_NE((*model)->lm_head().index, 0U);
}

at::Tensor states_of(const std::vector<std::vector<std::int32_t>>& texts, const Change& change) {
  const auto model = changed("roberta", {{"pad_token_id", 3}}, change);
  PLATEAU_CHECK(model.ok(), model ? "" : model.error().message);
  TrialSequences trial;
  for (const auto& ids : texts)
    trial.sequences.push_back({ids, {}});
  return (*model)->states(pack_batch({&trial, 1}, at::kDouble));
}

// Positions 4, 3, 5: the same as those of three usual tokens over a table with its rows moved.
TEST(Config, roberta_does_not_number_the_token_that_pads) {
  const auto move = [](TensorMap& tensors) {
    const std::string prefix = "roberta.embeddings.";
    const at::Tensor words = tensors.at(prefix + "word_embeddings.weight");
    const at::Tensor places = tensors.at(prefix + "position_embeddings.weight");
    words[8].copy_(words[3].clone());
    places[6].copy_(places[5].clone());
    places[5].copy_(places[3].clone());
  };
  const at::Tensor padded = states_of({{5, 9, 7, 2}, {5, 3, 9}}, {});
  EXPECT_LE(difference(padded.narrow(0, 4, 3), states_of({{5, 8, 9}}, move)), 1e-12);
  EXPECT_LE(difference(padded.narrow(0, 0, 4), states_of({{5, 9, 7, 2}}, {})), 1e-12);
}

// Rows that a change of the first token reaches.
std::int64_t reach(const Json& fields) {
  const auto model = changed("llama_lm", fields);
  PLATEAU_CHECK(model.ok(), model ? "" : model.error().message);
  std::vector<at::Tensor> outputs;
  for (const std::int32_t first : {5, 6}) {
    const std::vector<std::int32_t> ids = {first, 9, 3, 30, 2, 7, 11, 4, 8, 1};
    TrialSequences trial;
    trial.sequences = {{ids, {}}};
    outputs.push_back((*model)->states(pack_batch({&trial, 1}, at::kDouble)));
  }
  return (outputs[0] != outputs[1]).any(1).sum().item<std::int64_t>();
}

TEST(Config, windows_slide_where_it_says) {
  EXPECT_EQ(reach({{"model_type", "mistral"}, {"sliding_window", nullptr}}), 10);
  // Two layers of two tokens back each.
  EXPECT_EQ(reach({{"model_type", "mistral"}, {"sliding_window", 3}}), 5);
  // As Qwen2 has it.
  const auto sliding = [](Json fields) {
    fields.update({{"model_type", "llama"}, {"sliding_window", 3}});
    return fields;
  };
  EXPECT_EQ(reach(sliding(kAsItIs)), 10);
  EXPECT_EQ(reach(sliding({{"use_sliding_window", true}})), 10) << "from layer 28 on";
  EXPECT_EQ(reach(sliding({{"use_sliding_window", true}, {"max_window_layers", 0}})), 5);
  EXPECT_EQ(reach(sliding({{"use_sliding_window", true}, {"max_window_layers", 1}})), 10);
  EXPECT_EQ(reach(sliding({{"use_sliding_window", true},
                           {"layer_types", {"sliding_attention", "sliding_attention"}}})),
            5);
}

}  // namespace
}  // namespace plateau::trainer
