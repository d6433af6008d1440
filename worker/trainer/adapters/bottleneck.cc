#include "worker/trainer/adapters/bottleneck.h"

#include <array>
#include <cmath>

#include <ATen/ATen.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/dropout.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

using Activation = at::Tensor (*)(const at::Tensor&);

Activation activation_of(const std::string& name) {
  if (name == "relu") return [](const at::Tensor& x) { return at::relu(x); };
  if (name == "gelu") return [](const at::Tensor& x) { return at::gelu(x); };
  if (name == "tanh") return [](const at::Tensor& x) { return at::tanh(x); };
  if (name == "sigmoid") return [](const at::Tensor& x) { return at::sigmoid(x); };
  return [](const at::Tensor& x) { return at::silu(x); };
}

// Where `adapters` hangs a bottleneck in a block: BERT's sub-layers have modules for it.
std::string module_name(const Model& model, std::int64_t layer, Sublayer sublayer) {
  const std::string& type = model.info().model_type;
  const bool attention = sublayer == Sublayer::kAttention;
  if (type == "bert" || type == "roberta")
    return model.block_name(layer) + (attention ? ".attention.output" : ".output");
  return model.block_name(layer) + (attention ? ".attention_adapters" : ".output_adapters");
}

struct Bottleneck {
  std::string name;  // "bert.encoder.layer.0.output.adapters.houlsby"
  at::Tensor down_weight, down_bias, up_weight, up_bias;
};

struct Settings {
  std::string method;
  nlohmann::json parameters;
  std::int64_t width = 0;
  double scaling = 1.0;
  double dropout = 0.0;
};

class BottleneckAdapter : public Adapter {
 public:
  BottleneckAdapter(const Model& model, Settings settings)
      : model_(model),
        settings_(std::move(settings)),
        activation_(activation_of(settings_.parameters.at("activation"))),
        behind_attention_(settings_.method == "houlsby") {}

  void add(Bottleneck bottleneck) { bottlenecks_.push_back(std::move(bottleneck)); }

  SublayerEdit sublayer_edit(std::int64_t, Sublayer sublayer) const override {
    if (behind_attention_) return SublayerEdit::kOutput;
    return sublayer == Sublayer::kAttention ? SublayerEdit::kNone : SublayerEdit::kNormedSum;
  }

  at::Tensor sublayer_addition(const SublayerInput& input, const at::Tensor& read) const override {
    const Bottleneck& part = at(input.layer, input.sublayer);
    const at::Tensor x = read.to(part.down_weight.dtype());
    const at::Tensor middle = activation_(at::linear(x, part.down_weight, part.down_bias));
    at::Tensor out = at::linear(middle, part.up_weight, part.up_bias);
    if (settings_.scaling != 1.0) out = out * settings_.scaling;
    const at::Tensor mask = dropout_mask(settings_.dropout, input.key, part.name, input.lengths,
                                         out.size(1), out.options().requires_grad(false));
    if (mask.defined()) out = out * mask;
    return out.to(read.dtype());
  }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    for (const Bottleneck& part : bottlenecks_) {
      tensors.push_back({part.name + ".adapter_down.0.weight", part.down_weight});
      tensors.push_back({part.name + ".adapter_down.0.bias", part.down_bias});
      tensors.push_back({part.name + ".adapter_up.weight", part.up_weight});
      tensors.push_back({part.name + ".adapter_up.bias", part.up_bias});
    }
    return tensors;
  }

  nlohmann::json config() const override {
    nlohmann::json config = settings_.parameters;
    config["peft_type"] = "BOTTLENECK";
    config["method"] = settings_.method;
    config["r"] = settings_.width;
    return config;
  }

 private:
  const Bottleneck& at(std::int64_t layer, Sublayer sublayer) const {
    const auto index = static_cast<std::size_t>(layer);
    if (!behind_attention_) return bottlenecks_[index];
    return bottlenecks_[2 * index + (sublayer == Sublayer::kAttention ? 0 : 1)];
  }

  const Model& model_;
  Settings settings_;
  Activation activation_;
  bool behind_attention_;
  std::vector<Bottleneck> bottlenecks_;  // by layer; attention's before feed-forward's
};

struct Rule {
  double deviation = 0.02;
  bool cut = false;  // at two deviations
  bool identity = false;
};

Rule rule_of(const std::string& name) {
  if (name == "houlsby") return {0.01, true, false};
  return {0.02, false, name == "identity"};
}

Bottleneck make_bottleneck(const AdapterRequest& request, const Settings& settings,
                           const std::string& name) {
  const at::TensorOptions options = trained_options(request.model);
  const std::int64_t hidden = request.model.info().hidden, width = settings.width;
  const Rule rule = rule_of(settings.parameters.at("bottleneck_init"));
  const auto draw = [&](const char* what, const std::vector<std::int64_t>& shape) {
    const std::uint64_t seed = derive_seed(request.seed, "adapter." + name + "." + what);
    return as_leaf(rule.cut ? truncated_normal_tensor(shape, rule.deviation, 2.0, seed, options)
                            : normal_tensor(shape, rule.deviation, seed, options));
  };
  Bottleneck part;
  part.name = name;
  part.down_weight = draw("down", {width, hidden});
  part.down_bias = as_leaf(at::zeros({width}, options));
  part.up_weight =
      rule.identity ? as_leaf(at::zeros({hidden, width}, options)) : draw("up", {hidden, width});
  part.up_bias = as_leaf(at::zeros({hidden}, options));
  return part;
}

Result<std::unique_ptr<Adapter>> make(const AdapterRequest& request, const std::string& method) {
  const nlohmann::json& given = request.parameters;
  const Settings settings{method, given, given.at("rank"), given.at("scaling"),
                          given.at("dropout")};
  auto adapter = std::make_unique<BottleneckAdapter>(request.model, settings);
  for (std::int64_t layer = 0; layer < request.model.info().layers; ++layer) {
    for (const Sublayer sublayer : {Sublayer::kAttention, Sublayer::kFeedForward}) {
      if (adapter->sublayer_edit(layer, sublayer) == SublayerEdit::kNone) continue;
      const std::string module = module_name(request.model, layer, sublayer);
      adapter->add(make_bottleneck(request, settings, module + ".adapters." + method));
    }
  }
  return std::unique_ptr<Adapter>(std::move(adapter));
}

}  // namespace

Result<std::unique_ptr<Adapter>> make_houlsby(const AdapterRequest& request) {
  return make(request, "houlsby");
}
Result<std::unique_ptr<Adapter>> make_pfeiffer(const AdapterRequest& request) {
  return make(request, "pfeiffer");
}

}  // namespace plateau::trainer
