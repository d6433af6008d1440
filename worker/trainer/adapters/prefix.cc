#include "worker/trainer/adapters/prefix.h"

#include <ATen/ATen.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

class Prefix : public Adapter {
 public:
  Prefix(const Model& model, at::Tensor embeddings, bool starts_at_zero)
      : model_(model), embeddings_(std::move(embeddings)), starts_at_zero_(starts_at_zero) {}

  std::int64_t prefix_tokens() const override { return embeddings_.size(0); }
  KeyValuePrefix prefix(std::int64_t layer) const override {
    const std::int64_t width = model_.info().key_width;
    return {embeddings_.narrow(1, 2 * layer * width, width),
            embeddings_.narrow(1, (2 * layer + 1) * width, width)};
  }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    tensors.push_back({"prompt_embeddings", embeddings_});
    return tensors;
  }
  FilePrefixes file_prefixes() const override { return kPromptPrefixes; }

  nlohmann::json config() const override {
    const ModelInfo& info = model_.info();
    return {{"peft_type", "PREFIX_TUNING"},
            {"num_virtual_tokens", embeddings_.size(0)},
            {"token_dim", info.key_width},
            {"num_attention_heads", info.key_heads},
            {"num_layers", info.layers},
            {"num_transformer_submodules", 1},
            {"encoder_hidden_size", info.key_width},
            {"prefix_projection", false},
            {"init_weights", starts_at_zero_ ? nlohmann::json("zero") : nlohmann::json(nullptr)}};
  }

 private:
  const Model& model_;
  at::Tensor embeddings_;
  bool starts_at_zero_;
};

}  // namespace

Result<std::unique_ptr<Adapter>> make_prefix(const AdapterRequest& request) {
  const ModelInfo& info = request.model.info();
  if (info.model_type == "roberta") {
    return invalid_argument(
        "prefix tuning is not defined for roberta: PEFT, whose format this is, cannot run it; use "
        "prompt tuning, or another base");
  }
  const std::int64_t tokens = request.parameters.at("tokens");
  if (tokens >= info.max_positions) {
    return invalid_argument("tokens is " + std::to_string(tokens) + ", but the base has " +
                            std::to_string(info.max_positions) +
                            " positions, prefixes included; use fewer");
  }
  const at::TensorOptions options = trained_options(request.model);
  const std::vector<std::int64_t> shape = {tokens, info.layers * 2 * info.key_width};
  const bool zero = request.parameters.at("prefix_init").get<std::string>() == "zero";
  const std::uint64_t seed = derive_seed(request.seed, "adapter.prompt_embeddings");
  const at::Tensor start =
      zero ? at::zeros(shape, options) : normal_tensor(shape, 1.0, seed, options);
  return std::unique_ptr<Adapter>(std::make_unique<Prefix>(request.model, as_leaf(start), zero));
}

}  // namespace plateau::trainer
