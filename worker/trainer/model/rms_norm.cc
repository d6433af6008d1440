#include "worker/trainer/model/rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// float32 or float64.
at::Tensor exact(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            double epsilon) {
    const at::Tensor precise = exact(x);
    const at::Tensor inverse = precise.square().mean(-1, true).add_(epsilon).rsqrt_();
    context->save_for_backward({x, weight, inverse});
    return precise.mul(inverse).to(x.scalar_type()).mul_(weight);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
    const at::Tensor unit = exact(x) * inverse;
    const at::Tensor grad = exact(gradients[0]);
    at::Tensor grad_x, grad_weight;
    if (context->needs_input_grad(1)) {
      grad_weight = (grad * unit).sum(0).to(weight.scalar_type());
    }
    if (context->needs_input_grad(0)) {
      at::Tensor inner = grad * exact(weight);
      const at::Tensor along = (inner * unit).mean(-1, true);
      grad_x = inner.addcmul_(unit, along, -1).mul_(inverse).to(x.scalar_type());
    }
    return {grad_x, grad_weight, at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  return RmsNorm::apply(x, weight, epsilon);
}

}  // namespace plateau::trainer
