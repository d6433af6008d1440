#include "tests/worker/trainer/support/tiny_families.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/spec/base_tensors.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer::testing {
namespace {

using Json = nlohmann::json;

Json encoder_config(const char* type, int positions) {
  return {{"model_type", type},       {"hidden_size", 16},
          {"num_hidden_layers", 2},   {"num_attention_heads", 2},
          {"intermediate_size", 24},  {"vocab_size", 40},
          {"type_vocab_size", 2},     {"max_position_embeddings", positions},
          {"hidden_act", "gelu"},     {"pad_token_id", 1},
          {"initializer_range", 0.02}};
}

Json gpt2_config() {
  return {{"model_type", "gpt2"}, {"n_embd", 16},
          {"n_layer", 2},         {"n_head", 2},
          {"n_inner", 24},        {"vocab_size", 40},
          {"n_positions", 32},    {"activation_function", "gelu_new"}};
}

Json llama_config() {
  return {{"model_type", "llama"},    {"hidden_size", 16},
          {"num_hidden_layers", 2},   {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"intermediate_size", 24},
          {"vocab_size", 40},         {"max_position_embeddings", 32},
          {"hidden_act", "silu"},     {"tie_word_embeddings", true}};
}

BaseFacts facts_of(const char* type, std::int64_t heads, std::int64_t positions,
                   std::int64_t types) {
  return {type, 2, 16, 24, heads, 40, positions, types};
}

BaseFacts llama_facts() {
  BaseFacts facts = facts_of("llama", 4, 32, 0);
  facts.query_width = 16;
  facts.key_width = 8;
  facts.qkv_bias = facts.out_bias = facts.mlp_bias = false;
  return facts;
}

std::vector<Family> make_families() {
  return {{"bert", encoder_config("bert", 32), facts_of("bert", 2, 32, 2), Pooling::kMean},
          {"roberta", encoder_config("roberta", 34), facts_of("roberta", 2, 34, 2), Pooling::kCls},
          {"gpt2", gpt2_config(), facts_of("gpt2", 2, 32, 0), Pooling::kCls},
          {"llama", llama_config(), llama_facts(), Pooling::kCls},
          {"gpt2_lm", gpt2_config(), facts_of("gpt2", 2, 32, 0), Pooling::kTokens},
          {"bert_regression", encoder_config("bert", 32), facts_of("bert", 2, 32, 2),
           Pooling::kMean, "regression"},
          {"llama_lm", llama_config(), llama_facts(), Pooling::kTokens}};
}

std::vector<std::int64_t> shape_of(const BaseTensor& tensor, const BaseFacts& facts) {
  if (tensor.out > 0) {
    if (facts.model_type == "gpt2") return {tensor.in, tensor.out};
    return {tensor.out, tensor.in};
  }
  const bool is_table = tensor.name.find("embed") != std::string::npos ||
                        tensor.name.find("wte") != std::string::npos ||
                        tensor.name.find("wpe") != std::string::npos;
  const bool is_norm = tensor.name.find("Norm") != std::string::npos;
  if (is_table && !is_norm) return {tensor.elements / facts.hidden, facts.hidden};
  return {tensor.elements};
}

at::Tensor weight_of(const BaseTensor& tensor, const BaseFacts& facts) {
  const std::vector<std::int64_t> shape = shape_of(tensor, facts);
  const bool is_scale = shape.size() == 1 && tensor.name.ends_with(".weight");
  const double deviation = shape.size() == 1 ? 0.2 : tensor.out > 0 ? 0.4 : 0.7;
  const at::Tensor values =
      normal_tensor(shape, deviation, derive_seed(7, tensor.name), at::kDouble);
  return is_scale ? values + 1.0 : values;
}

Split ascending_texts(std::int64_t items, std::uint64_t seed) {
  Random random(seed);
  Split split;
  for (std::int64_t i = 0; i < items; ++i) {
    const auto length = static_cast<std::int64_t>(3 + random.below(7));
    const auto first = static_cast<std::int32_t>(random.below(40));
    for (std::int32_t j = 0; j < length; ++j) {
      split.ids.push_back((first + j) % 40);
      split.type_ids.push_back(0);
      split.token_labels.push_back(j < 2 ? -100 : split.ids.back());
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.item_ids.push_back(std::to_string(i));
  }
  return split;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies = make_families();
  return kFamilies;
}

std::filesystem::path write_family(const Family& family) {
  const auto folder = fresh_folder(family.name);
  TensorMap tensors;
  for (const BaseTensor& tensor : base_tensors(family.facts, "cls"))
    tensors[tensor.name] = weight_of(tensor, family.facts);
  EXPECT_TRUE(write_tensors(folder / "model.safetensors", tensors, {{"format", "pt"}}));
  EXPECT_TRUE(write_file_atomically(folder / "config.json", family.config.dump()));
  return folder;
}

std::shared_ptr<const Model> family_model(const Family& family, at::ScalarType dtype,
                                          Storage storage) {
  auto model =
      load_model(write_family(family), {family.pooling, at::TensorOptions().dtype(dtype), storage});
  PLATEAU_CHECK(model.ok(), model ? "" : model.error().message);
  return *model;
}

std::shared_ptr<const Dataset> family_data(const Family& family) {
  if (!family.is_language_model()) return tiny_data();
  auto data = std::make_shared<Dataset>();
  data->train = ascending_texts(24, 1);
  data->validation = ascending_texts(12, 2);
  data->test = ascending_texts(12, 3);
  data->largest_id = 39;
  return data;
}

Trial family_trial(const Family& family, const std::string& method, std::int64_t rank,
                   std::uint64_t seed) {
  Trial trial = tiny_trial(method, rank, seed);
  trial.base.pooling = family.pooling == Pooling::kMean ? "mean" : "cls";
  if (family.kind == "regression") {
    trial.task.kind = family.kind;
    trial.task.metric = "spearman";
    trial.task.labels.clear();
  }
  if (!family.is_language_model()) return trial;
  trial.task.kind = "causal_lm";
  trial.task.metric = "perplexity";
  trial.task.labels.clear();
  return trial;
}

}  // namespace plateau::trainer::testing
