#include "worker/trainer/adapters/dora.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "worker/kernels/column_dots.h"
#include "worker/kernels/low_rank.h"
#include "worker/trainer/adapters/dropout.h"
#include "worker/trainer/adapters/lora.h"

namespace plateau::trainer {
namespace {

class DoraBranch : public LinearBranch {
 public:
  DoraBranch(const LinearSite& site, LoraFactors factors)
      : factors_(std::move(factors)),
        // Once, in double: these never change.
        squared_norms_(site.weight.squared_row_norms().to(factors_.a.dtype())),
        magnitude_(as_leaf(squared_norms_.sqrt())) {
    refresh(site);
  }

  const LoraFactors& factors() const { return factors_; }
  const at::Tensor& magnitude() const { return magnitude_; }

  // Once an optimizer step; passes in between use the same norms.
  void refresh(const LinearSite& site) {
    const at::NoGradGuard no_grad;
    norms_ =
        factored_row_norms(site.weight, squared_norms_, factors_.a, factors_.b, factors_.scale);
  }

  std::vector<at::Tensor> trained() const override { return {factors_.a, factors_.b, magnitude_}; }

  std::vector<at::Tensor> forward(const LinearInput& input, at::Tensor y) const override {
    const auto dtype = input.x.dtype();
    const at::Tensor mask = dropout_mask(factors_.dropout, input.key, factors_.module,
                                         input.lengths, input.site.in(), input.x.options());
    const at::Tensor factor = magnitude_ / norms_, g = factor.to(dtype);
    const at::Tensor x = mask.defined() ? input.x * mask : input.x;
    const at::Tensor s = at::mm(x, factors_.a.to(dtype).t());
    // With u = W x' + scale B A x', which the magnitude multiplies:
    if (mask.defined()) {
      const at::Tensor frozen = input.site.weight.multiply(x);
      const at::Tensor u = frozen.clone();
      kernels::add_low_rank(u, s, factors_.b, factors_.scale);
      y.addcmul_(u, g).sub_(frozen);
      return {s, g, mask, u};
    }
    // u g + bias, of u + bias in one pass. u is not kept: y tells it.
    const at::Tensor rest =
        input.bias.defined() ? input.bias.to(norms_.dtype()) * (1.0 - factor) : at::Tensor();
    kernels::add_low_rank(y, s, factors_.b, factors_.scale, factor, rest);
    return {s, g, mask};
  }

  bool keeps_output(const DropoutKey& key) const override {
    return factors_.dropout == 0.0 || !key.training;
  }

  // With dropout u is not y's: what the frozen product feels is grad_y.
  bool rescales(const DropoutKey& key) const override { return keeps_output(key); }

  at::Tensor rescale(const LinearInput& input, const at::Tensor& grad_y,
                     std::span<const at::Tensor> saved, at::Tensor out) const override {
    return kernels::rescale_with_dots(grad_y, input.y, input.bias, saved[1], out);
  }

  std::vector<at::Tensor> backward(const LinearInput& input, const at::Tensor& grad_y,
                                   std::span<const at::Tensor> saved,
                                   at::Tensor* grad_x) const override {
    const at::Tensor &s = saved[0], &g = saved[1], &mask = saved[2];
    const at::Tensor a = factors_.a.to(grad_y.dtype());
    // grad_u = grad_y g is never made: g goes to the factor that it is multiplied with.
    const at::Tensor b = factors_.b.to(grad_y.dtype()) * g.unsqueeze(1);
    const at::Tensor x = mask.defined() ? input.x * mask : input.x;
    const at::Tensor grad_s = at::mm(grad_y, b).mul_(factors_.scale);
    if (grad_x != nullptr && mask.defined()) {
      const at::Tensor through_frozen = input.site.weight.multiply_back(grad_y * (g - 1.0));
      grad_x->addcmul_(at::addmm(through_frozen, grad_s, a), mask);
    }
    if (grad_x != nullptr && !mask.defined()) grad_x->addmm_(grad_s, a);
    const at::Tensor grad_b = b_gradient(grad_y, s, factors_.scale).to(factors_.b.dtype());
    return {at::mm(grad_s.t(), x).to(factors_.a.dtype()),
            grad_b * g.to(grad_b.dtype()).unsqueeze(1), magnitude_gradient(input, grad_y, saved)};
  }

 private:
  // The sum of grad_y u over the rows, by the norm of each.
  at::Tensor magnitude_gradient(const LinearInput& input, const at::Tensor& grad_y,
                                std::span<const at::Tensor> saved) const {
    const at::Tensor& mask = saved[2];
    const auto dtype = norms_.dtype();
    if (mask.defined()) return kernels::column_dots(grad_y, saved[3], {}).to(dtype) / norms_;
    // y is u g + bias, and g is the magnitude by the norm.
    const at::Tensor sums =
        input.sums.defined() ? input.sums : kernels::column_dots(grad_y, input.y, input.bias);
    return sums.to(dtype) / magnitude_.detach();
  }

  LoraFactors factors_;
  at::Tensor squared_norms_;  // [out] of W
  at::Tensor magnitude_;      // [out]: starts as the row norms of W
  at::Tensor norms_;          // [out] of W + scale B A as of the last refresh
};

class Dora : public Adapter {
 public:
  Dora(const Model& model, LoraSettings settings)
      : model_(model), settings_(std::move(settings)), branches_(model.linears().size()) {}

  void add(std::size_t site, LoraFactors factors) {
    branches_[site] = std::make_unique<DoraBranch>(model_.linears()[site], std::move(factors));
  }

  const LinearBranch* linear(std::size_t site) const override { return branches_[site].get(); }

  void weights_changed() override {
    for (std::size_t site = 0; site < branches_.size(); ++site) {
      if (branches_[site] != nullptr) branches_[site]->refresh(model_.linears()[site]);
    }
  }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    for (const auto& branch : branches_) {
      if (branch == nullptr) continue;
      const auto factors = trained_factors(branch->factors(), settings_.b_rate_ratio);
      tensors.insert(tensors.end(), factors.begin(), factors.end());
      tensors.push_back({branch->factors().module + ".lora_magnitude_vector", branch->magnitude()});
    }
    return tensors;
  }

  // Every row of W + scale B A at its magnitude; biases as they are.
  Result<std::vector<MergedParameter>> merged() const override {
    const at::NoGradGuard no_grad;
    std::vector<MergedParameter> layers;
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      if (branches_[i] == nullptr) continue;
      const LinearSite& site = model_.linears()[i];
      const at::Tensor update = lora_update(branches_[i]->factors());
      const at::Tensor sum = site.weight.dense().to(update.dtype()) + update;
      const at::Tensor factor = branches_[i]->magnitude() / sum.norm(2, 1);
      layers.push_back(merged_weight(site, factor.unsqueeze(1) * sum));
    }
    return layers;
  }

  nlohmann::json config() const override { return lora_config(model_, settings_, true); }

 private:
  const Model& model_;
  LoraSettings settings_;
  std::vector<std::unique_ptr<DoraBranch>> branches_;  // by site; nullptr: not adapted
};

}  // namespace

at::Tensor factored_row_norms(const FrozenTensor& weight, const at::Tensor& squared_norms,
                              const at::Tensor& a, const at::Tensor& b, double scale) {
  const at::Tensor cross = (weight.multiply(a).t() * b).sum(1);
  const at::Tensor own = (at::mm(b, at::mm(a, a.t())) * b).sum(1);
  return (squared_norms + cross * (2.0 * scale) + own * (scale * scale)).clamp_min(0.0).sqrt();
}

Result<std::unique_ptr<Adapter>> make_dora(const AdapterRequest& request) {
  auto settings = read_lora_settings(request);
  if (!settings) return settings.error();
  auto adapter = std::make_unique<Dora>(request.model, *settings);
  for (const LoraModule& target : settings->targets)
    adapter->add(target.module, make_lora_factors(target, *settings, request));
  return std::unique_ptr<Adapter>(std::move(adapter));
}

}  // namespace plateau::trainer
