#include "worker/trainer/adapters/lora.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/base/random.h"
#include "worker/kernels/low_rank.h"
#include "worker/trainer/adapters/dropout.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/adapters/targets.h"

namespace plateau::trainer {
namespace {

class LoraBranch : public LinearBranch {
 public:
  explicit LoraBranch(LoraFactors factors) : factors_(std::move(factors)) {}

  const LoraFactors& factors() const { return factors_; }
  std::vector<at::Tensor> trained() const override { return {factors_.a, factors_.b}; }

  std::vector<at::Tensor> forward(const LinearInput& input, at::Tensor y) const override {
    const at::Tensor mask = dropout_mask(factors_.dropout, input.key, factors_.module,
                                         input.lengths, input.site.in(), input.x.options());
    const at::Tensor x = mask.defined() ? input.x * mask : input.x;
    const at::Tensor s = at::mm(x, factors_.a.to(x.dtype()).t());
    kernels::add_low_rank(y, s, factors_.b, factors_.scale);
    return {s, mask};
  }

  // With s = x A^T saved, three products with a side of length rank each: never
  // dy^T x.
  std::vector<at::Tensor> backward(const LinearInput& input, const at::Tensor& grad_y,
                                   std::span<const at::Tensor> saved,
                                   at::Tensor* grad_x) const override {
    const at::Tensor &s = saved[0], &mask = saved[1];
    const at::Tensor a = factors_.a.to(grad_y.dtype());
    const at::Tensor b = factors_.b.to(grad_y.dtype());
    const at::Tensor x = mask.defined() ? input.x * mask : input.x;
    const at::Tensor grad_s = at::mm(grad_y, b).mul_(factors_.scale);
    if (grad_x != nullptr && mask.defined()) grad_x->addcmul_(at::mm(grad_s, a), mask);
    if (grad_x != nullptr && !mask.defined()) grad_x->addmm_(grad_s, a);
    return {at::mm(grad_s.t(), x).to(factors_.a.dtype()),
            b_gradient(grad_y, s, factors_.scale).to(factors_.b.dtype())};
  }

 private:
  LoraFactors factors_;
};

class Lora : public Adapter {
 public:
  Lora(const Model& model, LoraSettings settings)
      : model_(model), settings_(std::move(settings)), branches_(model.linears().size()) {}

  void add(std::size_t site, LoraFactors factors) {
    branches_[site] = std::make_unique<LoraBranch>(std::move(factors));
  }

  const LinearBranch* linear(std::size_t site) const override { return branches_[site].get(); }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    for (const auto& branch : branches_) {
      if (branch == nullptr) continue;
      const auto factors = trained_factors(branch->factors(), settings_.b_rate_ratio);
      tensors.insert(tensors.end(), factors.begin(), factors.end());
    }
    return tensors;
  }

  Result<std::vector<MergedParameter>> merged() const override {
    const at::NoGradGuard no_grad;
    std::vector<MergedParameter> layers;
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      if (branches_[i] == nullptr) continue;
      const LinearSite& site = model_.linears()[i];
      const at::Tensor update = lora_update(branches_[i]->factors());
      layers.push_back(merged_weight(site, site.weight.dense().to(update.dtype()) + update));
    }
    return layers;
  }

  nlohmann::json config() const override { return lora_config(model_, settings_, false); }

 private:
  const Model& model_;
  LoraSettings settings_;
  std::vector<std::unique_ptr<LoraBranch>> branches_;  // by site; nullptr: not adapted
};

}  // namespace

std::int64_t lora_parameters(std::int64_t out, std::int64_t in, std::int64_t rank) {
  return rank * (in + out);
}

Result<LoraSettings> read_lora_settings(const AdapterRequest& request) {
  const nlohmann::json& given = request.parameters;
  LoraSettings settings{given.at("rank"),
                        given.at("alpha"),
                        given.at("dropout"),
                        given.at("rslora"),
                        given.value("b_rate_ratio", 1.0),
                        given.value("rank_pattern", nlohmann::json::object()),
                        given.value("alpha_pattern", nlohmann::json::object()),
                        {}};
  const auto& sites = request.model.linears();
  auto matched = match_lora(site_names(sites), given, request.model.info().model_type);
  if (!matched) return matched.error();
  settings.targets = *matched;
  for (const LoraModule& target : settings.targets) {
    const LinearSite& site = sites[target.module];
    if (target.rank <= std::min(site.in(), site.out())) continue;
    return invalid_argument("rank " + std::to_string(target.rank) + " is larger than " + site.name +
                            " allows, which is " + std::to_string(site.out()) + " x " +
                            std::to_string(site.in()) + "; use at most " +
                            std::to_string(std::min(site.in(), site.out())));
  }
  return settings;
}

std::vector<TrainedTensor> trained_factors(const LoraFactors& factors, double b_rate_ratio) {
  std::vector<TrainedTensor> tensors;
  tensors.push_back({factors.module + ".lora_A.weight", factors.a});
  tensors.push_back({factors.module + ".lora_B.weight", factors.b, true, b_rate_ratio});
  return tensors;
}

at::Tensor b_gradient(const at::Tensor& grad_y, const at::Tensor& s, double scale) {
  // Short rows first: the other way round is slower by far on CPUs.
  return at::mm(s.t(), grad_y).mul_(scale).t().contiguous();
}

at::Tensor lora_update(const LoraFactors& factors) {
  return at::mm(factors.b, factors.a) * factors.scale;
}

LoraFactors make_lora_factors(const LoraModule& target, const LoraSettings& settings,
                              const AdapterRequest& request) {
  const LinearSite& site = request.model.linears()[target.module];
  const at::TensorOptions options = trained_options(request.model);
  const double bound = 1.0 / std::sqrt(static_cast<double>(site.in()));
  const std::uint64_t seed = derive_seed(request.seed, "adapter." + site.name + ".lora_A");
  return {site.name, as_leaf(uniform_tensor({target.rank, site.in()}, bound, seed, options)),
          as_leaf(at::zeros({site.out(), target.rank}, options)), target.scale(settings.rslora),
          settings.dropout};
}

nlohmann::json lora_config(const Model& model, const LoraSettings& settings, bool use_dora) {
  // Full names: a suffix such as "dense" would also match a pooler that is not
  // part of this model.
  std::vector<std::string> targets;
  for (const LoraModule& target : settings.targets)
    targets.push_back(model.linears()[target.module].name);
  return {{"peft_type", "LORA"},
          {"r", settings.rank},
          {"lora_alpha", settings.alpha},
          {"lora_dropout", settings.dropout},
          {"target_modules", targets},
          {"use_rslora", settings.rslora},
          {"use_dora", use_dora},
          {"bias", "none"},
          {"fan_in_fan_out", is_transposed(model)},
          {"init_lora_weights", true},
          {"layers_to_transform", nullptr},
          {"layers_pattern", nullptr},
          {"rank_pattern", settings.rank_pattern},
          {"alpha_pattern", settings.alpha_pattern}};
}

Result<std::unique_ptr<Adapter>> make_qlora(const AdapterRequest& request) {
  const auto& sites = request.model.linears();
  const bool quantized = std::any_of(sites.begin(), sites.end(), [](const LinearSite& site) {
    return site.weight.is_quantized();
  });
  if (quantized) return make_lora(request);
  return invalid_argument(
      "qlora is LoRA on a base in a few bits a value, and this one is kept as numbers; set "
      "quantization: nf4, or take a GGUF base");
}

Result<std::unique_ptr<Adapter>> make_lora(const AdapterRequest& request) {
  auto settings = read_lora_settings(request);
  if (!settings) return settings.error();
  auto adapter = std::make_unique<Lora>(request.model, *settings);
  for (const LoraModule& target : settings->targets)
    adapter->add(target.module, make_lora_factors(target, *settings, request));
  return std::unique_ptr<Adapter>(std::move(adapter));
}

}  // namespace plateau::trainer
