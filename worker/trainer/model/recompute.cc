#include "worker/trainer/model/recompute.h"

#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Block : torch::CustomClassHolder {
  BlockFunction function;
  at::Tensor value;  // of the first computation, without its graph; until forward() gives it away
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  // `anchor` makes the result require a gradient where the block trains something though h requires
  // none.
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Block>& block,
                            const at::Tensor& h, const at::Tensor& /*anchor*/) {
    context->save_for_backward({h});
    context->saved_data["block"] = c10::IValue::make_capsule(block);
    return std::exchange(block->value, at::Tensor());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["block"].toCapsule();
    const Block& block = *static_cast<const Block*>(capsule.get());
    const at::Tensor saved = context->get_saved_variables()[0];
    const at::AutoGradMode with_graph(true);
    at::Tensor h = saved.detach();
    h.requires_grad_(context->needs_input_grad(0));
    const at::Tensor again = block.function(h);
    // What several blocks share (a method's begin_pass()) is walked once a block: it is kept.
    torch::autograd::backward({again}, {gradients[0]}, /*retain_graph=*/true);
    return {at::Tensor(), h.grad(), at::Tensor()};
  }
};

}  // namespace

at::Tensor recomputed(const BlockFunction& block, const at::Tensor& h) {
  at::Tensor value = block(h);
  if (!value.requires_grad()) return value;
  auto kept = c10::make_intrusive<Block>();
  kept->function = block;
  kept->value = value.detach();
  const at::Tensor anchor = at::zeros({}, h.options().requires_grad(false)).requires_grad_(true);
  return Recomputed::apply(kept, h, anchor);
}

at::Tensor run_block(bool recompute, const BlockFunction& block, const at::Tensor& h) {
  return recompute ? recomputed(block, h) : block(h);
}

}  // namespace plateau::trainer
