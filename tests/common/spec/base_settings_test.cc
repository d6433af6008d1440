// What a config.json may say: the trainer computes it, or planning refuses it.
#include "common/spec/base_settings.h"

#include <gtest/gtest.h>

#include "common/base/text.h"
#include "common/spec/activations.h"
#include "common/spec/parameters.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// Sound, but for `fields`.
Json config_of(const std::string& model_type, const Json& fields) {
  Json config = {{"model_type", model_type}, {"vocab_size", 100}};
  for (const char* key :
       {"num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
        "max_position_embeddings", "type_vocab_size", "n_layer", "n_embd", "n_head", "n_positions"})
    config[key] = 8;
  config.update(fields);
  return config;
}

std::string message(const std::string& model_type, const Json& fields) {
  const auto facts = base_facts_from_config(config_of(model_type, fields), "mine/config.json");
  if (facts) return "";
  EXPECT_EQ(facts.error().kind, ErrorKind::kInvalidArgument) << facts.error().message;
  return facts.error().message;
}

const std::vector<std::pair<std::string, std::string>> kActivationKeys = {
    {"bert", "hidden_act"},  {"roberta", "hidden_act"}, {"gpt2", "activation_function"},
    {"llama", "hidden_act"}, {"mistral", "hidden_act"}, {"qwen2", "hidden_act"}};

TEST(BaseSettings, an_unknown_activation_is_refused_with_the_list) {
  for (const auto& [type, key] : kActivationKeys) {
    for (const std::string& name : curve_names())
      EXPECT_EQ(message(type, {{key, name}}), "") << type;
    EXPECT_EQ(message(type, {{key, nullptr}}), "");
    EXPECT_EQ(message(type, {{key, "gelu_10"}}),
              "mine/config.json: " + key +
                  " \"gelu_10\" is not supported; supported: " + join(curve_names(), ", "));
    EXPECT_NE(message(type, {{key, 7}}), "");
  }
  EXPECT_EQ(message("gpt2", {{"hidden_act", "gelu_10"}}), "");  // nobody reads it there
}

TEST(BaseSettings, what_is_not_computed_is_refused_by_name) {
  const std::vector<std::tuple<std::string, Json, std::string>> kRefused = {
      {"bert",
       {{"position_embedding_type", "relative_key"}},
       "position_embedding_type \"relative_key\" is not supported; supported: absolute"},
      {"roberta", {{"is_decoder", true}}, "is_decoder true is not supported; supported: false"},
      {"gpt2",
       {{"add_cross_attention", true}},
       "add_cross_attention true is not supported; supported: false"},
      {"qwen2",
       {{"partial_rotary_factor", 0.5}},
       "partial_rotary_factor 0.5 is not supported; supported: 1.0"},
      {"llama",
       {{"rope_parameters", {{"partial_rotary_factor", 0.5}}}},
       "partial_rotary_factor 0.5 is not supported; supported: 1.0"},
      {"mistral",
       {{"rope_scaling", {{"rope_type", "ntk"}}}},
       "rope_scaling 'ntk' is not supported; supported: default, linear, dynamic, llama3, "
       "longrope, yarn"}};
  for (const auto& [type, fields, expected] : kRefused)
    EXPECT_EQ(message(type, fields), "mine/config.json: " + expected);
  EXPECT_EQ(message("llama", {{"partial_rotary_factor", 1}, {"rope_scaling", nullptr}}), "");
  EXPECT_EQ(message("bert", {{"position_embedding_type", "absolute"}, {"is_decoder", false}}), "");
}

}  // namespace
}  // namespace plateau
