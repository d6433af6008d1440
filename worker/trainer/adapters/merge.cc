#include "worker/trainer/adapters/merge.h"

#include <ATen/ATen.h>

#include "common/base/check.h"

namespace plateau::trainer {
namespace {

class Replacement : public LinearBranch {
 public:
  Replacement(at::Tensor weight, at::Tensor bias)
      : weight_(std::move(weight)), bias_(std::move(bias)) {}

  std::vector<at::Tensor> trained() const override { return {}; }

  std::vector<at::Tensor> forward(const LinearInput& input, at::Tensor y) const override {
    const at::Tensor weight = weight_.to(input.x.dtype());
    const at::Tensor bias = bias_.defined() ? bias_.to(input.x.dtype()) : bias_;
    y.copy_(at::linear(input.x, weight, bias));
    return {};
  }

  std::vector<at::Tensor> backward(const LinearInput&, const at::Tensor&,
                                   std::span<const at::Tensor>, at::Tensor*) const override {
    PLATEAU_CHECK(false, "a merged model is for forward passes only");
    return {};
  }

 private:
  at::Tensor weight_, bias_;
};

}  // namespace

MergedHooks::MergedHooks(const Model& model, const std::vector<MergedLinear>& layers)
    : branches_(model.linears().size()) {
  for (const MergedLinear& layer : layers)
    branches_[layer.site] = std::make_unique<Replacement>(layer.weight, layer.bias);
}

}  // namespace plateau::trainer
