#include "worker/trainer/adapters/ia3.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "worker/kernels/column_dots.h"
#include "worker/trainer/adapters/targets.h"

namespace plateau::trainer {
namespace {

// y = l * y, with l [out, 1].
class OutputScale : public LinearBranch {
 public:
  explicit OutputScale(at::Tensor scale) : scale_(std::move(scale)) {}

  std::vector<at::Tensor> trained() const override { return {scale_}; }

  std::vector<at::Tensor> forward(const LinearInput&, at::Tensor y) const override {
    const at::Tensor before = y.clone();
    y.mul_(row(y));
    return {before};
  }

  bool rescales(const DropoutKey&) const override { return true; }

  at::Tensor rescale(const LinearInput&, const at::Tensor& grad_y,
                     std::span<const at::Tensor> saved, at::Tensor out) const override {
    return kernels::rescale_with_dots(grad_y, saved[0], {}, row(saved[0]), out);
  }

  std::vector<at::Tensor> backward(const LinearInput& input, const at::Tensor& grad_y,
                                   std::span<const at::Tensor> saved, at::Tensor*) const override {
    const at::Tensor sums =
        input.sums.defined() ? input.sums : kernels::column_dots(grad_y, saved[0], {});
    return {sums.to(scale_.dtype()).view({-1, 1})};
  }

 private:
  at::Tensor row(const at::Tensor& like) const {
    return scale_.detach().view({-1}).to(like.dtype());
  }

  at::Tensor scale_;
};

class Ia3 : public Adapter {
 public:
  explicit Ia3(const Model& model)
      : model_(model), scales_(model.linears().size()), branches_(model.linears().size()) {}

  void add(const Ia3Target& target) {
    const LinearSite& site = model_.linears()[target.module];
    const at::TensorOptions options = trained_options(model_);
    const auto shape = target.is_feedforward ? std::vector<std::int64_t>{1, site.in()}
                                             : std::vector<std::int64_t>{site.out(), 1};
    scales_[target.module] = as_leaf(at::ones(shape, options));
    if (!target.is_feedforward)
      branches_[target.module] = std::make_unique<OutputScale>(scales_[target.module]);
  }

  const LinearBranch* linear(std::size_t site) const override { return branches_[site].get(); }

  at::Tensor input_scale(std::size_t site) const override {
    const bool scales_input = scales_[site].defined() && branches_[site] == nullptr;
    return scales_input ? scales_[site].view({-1}) : at::Tensor();
  }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      if (scales_[i].defined())
        tensors.push_back({model_.linears()[i].name + ".ia3_l", scales_[i]});
    }
    return tensors;
  }

  // The rows of W and b at ordinary targets, the columns of W at feed-forward ones.
  Result<std::vector<MergedParameter>> merged() const override {
    const at::NoGradGuard no_grad;
    std::vector<MergedParameter> merged;
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      if (!scales_[i].defined()) continue;
      const LinearSite& site = model_.linears()[i];
      merged.push_back(
          merged_weight(site, site.weight.dense().to(scales_[i].dtype()) * scales_[i]));
      if (branches_[i] == nullptr || !site.bias.defined()) continue;
      merged.push_back(
          {site.bias_parameter, site.bias.to(scales_[i].dtype()) * scales_[i].view({-1})});
    }
    return merged;
  }

  nlohmann::json config() const override {
    std::vector<std::string> targets, feedforward;
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      if (!scales_[i].defined()) continue;
      targets.push_back(model_.linears()[i].name);
      if (branches_[i] == nullptr) feedforward.push_back(targets.back());
    }
    return {{"peft_type", "IA3"},
            {"target_modules", targets},
            {"feedforward_modules", feedforward},
            {"fan_in_fan_out", is_transposed(model_)},
            {"init_ia3_weights", true},
            {"exclude_modules", nullptr}};
  }

 private:
  const Model& model_;
  std::vector<at::Tensor> scales_;                       // by site; undefined: not a target
  std::vector<std::unique_ptr<LinearBranch>> branches_;  // by site; nullptr: none, or at the input
};

}  // namespace

Result<std::unique_ptr<Adapter>> make_ia3(const AdapterRequest& request) {
  const auto targets = match_ia3(site_names(request.model.linears()), request.parameters,
                                 request.model.info().model_type);
  if (!targets) return targets.error();
  auto adapter = std::make_unique<Ia3>(request.model);
  for (const Ia3Target& target : *targets)
    adapter->add(target);
  return std::unique_ptr<Adapter>(std::move(adapter));
}

}  // namespace plateau::trainer
