#include "worker/trainer/model/lm_loss.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Of logits at once, but no fewer rows: each piece reads all output embeddings, twice.
constexpr std::int64_t kChunkElements = 4 * 1024 * 1024, kChunkRows = 64;

class LmLoss : public torch::autograd::Function<LmLoss> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& states,
                            const at::Tensor& weight, const at::Tensor& targets,
                            std::int64_t chunk_rows) {
    const bool for_states = states.requires_grad(), for_weight = weight.requires_grad();
    const at::ScalarType wide = at::promote_types(states.scalar_type(), at::kFloat);
    at::Tensor sum = at::zeros({}, states.options().dtype(wide).requires_grad(false));
    at::Tensor grad_states = for_states ? at::empty_like(states) : at::Tensor();
    at::Tensor grad_weight = for_weight ? at::zeros_like(weight) : at::Tensor();
    for (std::int64_t first = 0; first < states.size(0); first += chunk_rows) {
      const std::int64_t rows = std::min(chunk_rows, states.size(0) - first);
      const at::Tensor x = states.narrow(0, first, rows);
      const at::Tensor target = targets.narrow(0, first, rows).unsqueeze(1);
      at::Tensor logs = at::log_softmax(at::matmul(x, weight.t()).to(wide), 1);
      sum -= logs.gather(1, target).sum();
      if (!for_states && !for_weight) continue;
      at::Tensor grad = logs.exp_();  // softmax - one_hot: the derivative by the logits
      grad.scatter_add_(1, target, at::full({rows, 1}, -1.0, grad.options()));
      grad = grad.to(states.scalar_type());
      if (for_states) grad_states.narrow(0, first, rows).copy_(at::matmul(grad, weight));
      if (for_weight) grad_weight.add_(at::matmul(grad.t(), x));
    }
    context->save_for_backward({grad_states, grad_weight});
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto scaled = [&](const at::Tensor& gradient) {
      return gradient.defined() ? gradient * gradients[0].to(gradient.scalar_type()) : gradient;
    };
    return {scaled(saved[0]), scaled(saved[1]), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor lm_loss_sum(const at::Tensor& states, const at::Tensor& weight,
                       const at::Tensor& targets, std::int64_t chunk_rows) {
  const std::int64_t fitting = std::max(kChunkRows, kChunkElements / weight.size(0));
  return LmLoss::apply(states, weight, targets, chunk_rows > 0 ? chunk_rows : fitting);
}

}  // namespace plateau::trainer
