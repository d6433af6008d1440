#include "worker/trainer/model/packed_linear.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One trial at one part of the matrix.
struct Branch {
  const LinearBranch* branch = nullptr;
  const LinearSite* site = nullptr;
  std::int64_t first_column = 0;
  RowShare share;
  std::size_t trained_count = 0;
  std::size_t saved_count = 0;

  LinearInput input(const at::Tensor& x) const {
    return {*site, x.narrow(0, share.first_row, share.rows), share.lengths, share.key};
  }
  at::Tensor cut(const at::Tensor& y) const {
    return y.narrow(0, share.first_row, share.rows).narrow(1, first_column, site->out());
  }
};

struct Plan : torch::CustomClassHolder {
  at::Tensor weight;
  at::Tensor bias;
  std::vector<Branch> branches;
};
using PlanPtr = c10::intrusive_ptr<Plan>;

class PackedLinear : public torch::autograd::Function<PackedLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const PlanPtr& plan, const at::Tensor& x,
                            at::TensorList trained) {
    at::Tensor y = at::linear(x, plan->weight, plan->bias);
    variable_list saved;
    // The input is kept only where a branch will need it.
    saved.push_back(plan->branches.empty() ? at::Tensor() : x);
    saved.insert(saved.end(), trained.begin(), trained.end());  // So that a change is noticed.
    for (Branch& branch : plan->branches) {
      const auto kept = branch.branch->forward(branch.input(x), branch.cut(y));
      branch.saved_count = kept.size();
      saved.insert(saved.end(), kept.begin(), kept.end());
    }
    context->save_for_backward(std::move(saved));
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["plan"].toCapsule();
    const Plan& plan = *static_cast<const Plan*>(capsule.get());
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor grad_y = gradients[0].contiguous();

    std::size_t trained_count = 0;
    for (const Branch& branch : plan.branches)
      trained_count += branch.trained_count;
    const std::span<const at::Tensor> kept(saved.data() + 1 + trained_count,
                                           saved.size() - 1 - trained_count);

    const bool needs_grad_x = context->needs_input_grad(0);
    at::Tensor grad_x;
    if (needs_grad_x) grad_x = at::matmul(frozen_gradient(plan, grad_y, kept), plan.weight);

    variable_list result = {at::Tensor(), grad_x};
    std::size_t at_saved = 0;
    for (const Branch& branch : plan.branches) {
      at::Tensor share;
      if (needs_grad_x) share = grad_x.narrow(0, branch.share.first_row, branch.share.rows);
      const auto grads = branch.branch->backward(branch.input(x), branch.cut(grad_y),
                                                 kept.subspan(at_saved, branch.saved_count),
                                                 needs_grad_x ? &share : nullptr);
      result.insert(result.end(), grads.begin(), grads.end());
      at_saved += branch.saved_count;
    }
    return result;
  }

 private:
  // grad_y, with the rows and columns of the branches that rescale the frozen product replaced.
  static at::Tensor frozen_gradient(const Plan& plan, const at::Tensor& grad_y,
                                    std::span<const at::Tensor> kept) {
    at::Tensor result = grad_y;
    std::size_t at_saved = 0;
    for (const Branch& branch : plan.branches) {
      const at::Tensor share = branch.cut(grad_y);
      const at::Tensor frozen =
          branch.branch->frozen_gradient(share, kept.subspan(at_saved, branch.saved_count));
      at_saved += branch.saved_count;
      if (frozen.is_same(share)) continue;
      if (result.is_same(grad_y)) result = grad_y.clone();
      branch.cut(result).copy_(frozen);
    }
    return result;
  }
};

}  // namespace

at::Tensor packed_linear(const FrozenLinear& linear, const std::vector<LinearSite>& sites,
                         const at::Tensor& x, const std::vector<RowShare>& shares) {
  auto plan = c10::make_intrusive<Plan>();
  plan->weight = linear.weight;
  plan->bias = linear.bias;
  std::vector<at::Tensor> trained;
  for (const FrozenLinear::Part& part : linear.parts) {
    for (const RowShare& share : shares) {
      if (share.hooks == nullptr || share.rows == 0) continue;
      const LinearBranch* branch = share.hooks->linear(part.site);
      if (branch == nullptr) continue;
      const auto own = branch->trained();
      trained.insert(trained.end(), own.begin(), own.end());
      plan->branches.push_back({branch, &sites[part.site], part.first_column, share, own.size()});
    }
  }
  return PackedLinear::apply(plan, x, at::TensorList(trained));
}

}  // namespace plateau::trainer
