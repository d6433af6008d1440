#include "worker/trainer/adapters/prompt.h"

#include <ATen/ATen.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

class Prompt : public Adapter {
 public:
  Prompt(const Model& model, at::Tensor embeddings)
      : model_(model), embeddings_(std::move(embeddings)) {}

  std::int64_t virtual_tokens() const override { return embeddings_.size(0); }
  at::Tensor virtual_embeddings() const override { return embeddings_; }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    tensors.push_back({"prompt_embeddings", embeddings_});
    return tensors;
  }
  FilePrefixes file_prefixes() const override { return kPromptPrefixes; }

  nlohmann::json config() const override {
    return {{"peft_type", "PROMPT_TUNING"},       {"num_virtual_tokens", embeddings_.size(0)},
            {"token_dim", model_.info().hidden},  {"num_layers", model_.info().layers},
            {"num_transformer_submodules", 1},    {"prompt_tuning_init", "RANDOM"},
            {"prompt_tuning_init_text", nullptr}, {"tokenizer_name_or_path", nullptr},
            {"tokenizer_kwargs", nullptr}};
  }

 private:
  const Model& model_;
  at::Tensor embeddings_;  // [tokens, hidden]
};

// The word embeddings: the first table with one row a token of the vocabulary.
const FrozenTensor& word_table(const Model& model) {
  const ModelInfo& info = model.info();
  for (const ModelParameter& parameter : model.parameters()) {
    if (parameter.value.sizes() == std::vector{info.vocabulary, info.hidden})
      return parameter.value;
  }
  PLATEAU_CHECK(false, "a model without word embeddings");
  return model.parameters().front().value;
}

at::Tensor sampled_rows(const Model& model, std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int64_t>(
        random.below(static_cast<std::uint64_t>(model.info().vocabulary))));
  const FrozenTensor& table = word_table(model);
  return table.rows_at(at::tensor(ids, at::kLong).to(table.options().device()));
}

}  // namespace

Result<std::unique_ptr<Adapter>> make_prompt(const AdapterRequest& request) {
  const ModelInfo& info = request.model.info();
  const std::int64_t tokens = request.parameters.at("tokens");
  if (tokens >= info.max_positions) {
    return invalid_argument("tokens is " + std::to_string(tokens) + ", but the base has " +
                            std::to_string(info.max_positions) +
                            " positions, virtual tokens included; use fewer");
  }
  const at::TensorOptions options = trained_options(request.model);
  const std::uint64_t seed = derive_seed(request.seed, "adapter.prompt_embeddings");
  const bool sampled = request.parameters.at("prompt_init").get<std::string>() == "vocabulary";
  const at::Tensor start = sampled ? sampled_rows(request.model, tokens, seed).to(options)
                                   : normal_tensor({tokens, info.hidden}, 1.0, seed, options);
  return std::unique_ptr<Adapter>(std::make_unique<Prompt>(request.model, as_leaf(start)));
}

}  // namespace plateau::trainer
