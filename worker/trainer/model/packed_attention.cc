#include "worker/trainer/model/packed_attention.h"

#include <utility>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plateau::trainer {
namespace {

using kernels::AttentionInput;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Plan : torch::CustomClassHolder {
  std::vector<kernels::AttentionSpan> spans;
  kernels::AttentionShape shape;
};
using PlanPtr = c10::intrusive_ptr<Plan>;

PlanPtr make_plan(std::vector<kernels::AttentionSpan> spans, const kernels::AttentionShape& shape) {
  auto plan = c10::make_intrusive<Plan>();
  plan->spans = std::move(spans);
  plan->shape = shape;
  return plan;
}

PlanPtr plan_of(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<Plan>(context->saved_data["plan"].toCapsule());
}

// Views of the columns.
AttentionInput split(const at::Tensor& qkv, const kernels::AttentionShape& shape) {
  const std::int64_t width = qkv.size(1) / (shape.heads + 2 * shape.key_heads);
  const std::int64_t q = shape.heads * width, k = shape.key_heads * width;
  return {qkv.narrow(1, 0, q), qkv.narrow(1, q, k), qkv.narrow(1, q + k, k)};
}

class JoinedAttention : public torch::autograd::Function<JoinedAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, const PlanPtr& plan) {
    auto result = attention_forward(split(qkv, plan->shape), plan->spans, plan->shape);
    context->save_for_backward({qkv, result.logsumexp});
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return result.out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const PlanPtr plan = plan_of(context);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gradient = at::empty_like(saved[0]);
    attention_backward(split(saved[0], plan->shape), saved[1], gradients[0].contiguous(),
                       plan->spans, plan->shape, split(gradient, plan->shape));
    return {gradient, at::Tensor()};
  }
};

class SplitAttention : public torch::autograd::Function<SplitAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& queries,
                            const at::Tensor& keys, const at::Tensor& values, const PlanPtr& plan) {
    auto result = attention_forward({queries, keys, values}, plan->spans, plan->shape);
    context->save_for_backward({queries, keys, values, result.logsumexp});
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return result.out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const PlanPtr plan = plan_of(context);
    const variable_list saved = context->get_saved_variables();
    const AttentionInput input{saved[0], saved[1], saved[2]};
    const AttentionInput result{at::empty(input.queries.sizes(), input.queries.options()),
                                at::empty(input.keys.sizes(), input.keys.options()),
                                at::empty(input.values.sizes(), input.values.options())};
    attention_backward(input, saved[3], gradients[0].contiguous(), plan->spans, plan->shape,
                       result);
    return {result.queries, result.keys, result.values, at::Tensor()};
  }
};

}  // namespace

at::Tensor packed_attention(const at::Tensor& qkv, std::vector<kernels::AttentionSpan> spans,
                            const kernels::AttentionShape& shape) {
  return JoinedAttention::apply(qkv, make_plan(std::move(spans), shape));
}

at::Tensor packed_attention(const kernels::AttentionInput& input,
                            std::vector<kernels::AttentionSpan> spans,
                            const kernels::AttentionShape& shape) {
  return SplitAttention::apply(input.queries, input.keys, input.values,
                               make_plan(std::move(spans), shape));
}

}  // namespace plateau::trainer
