#include "worker/trainer/optim/adamw.h"

#include <cmath>
#include <set>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace plateau::trainer {
namespace {

double norm_of(const std::vector<at::Tensor>& tensors) {
  if (tensors.empty()) return 0.0;
  const std::vector<at::Tensor> norms = at::_foreach_norm(tensors, 2);
  return at::stack(norms).to(at::kDouble).norm().item<double>();
}

}  // namespace

AdamW::AdamW(std::vector<Group> groups, const AdamWSettings& settings) : settings_(settings) {
  for (const Group& group : groups) {
    std::set<std::pair<double, bool>> kinds;
    for (const TrainedTensor& tensor : group.tensors)
      kinds.emplace(tensor.rate, !tensor.decays);
    for (const auto& [rate, is_constant] : kinds) {
      Batch batch;
      batch.learning_rate = group.learning_rate * rate;
      batch.weight_decay = is_constant ? 0.0 : settings.weight_decay;
      for (const TrainedTensor& tensor : group.tensors) {
        if (tensor.decays == is_constant || tensor.rate != rate) continue;
        batch.names.push_back(tensor.name);
        batch.values.push_back(tensor.value);
        batch.exp_avgs.push_back(at::zeros_like(tensor.value.detach()));
        batch.exp_avg_sqs.push_back(at::zeros_like(tensor.value.detach()));
        batch.steps.push_back(
            at::zeros({}, tensor.value.options().dtype(at::kFloat).requires_grad(false)));
      }
      batches_.push_back(std::move(batch));
    }
  }
}

double AdamW::gradient_norm() const {
  std::vector<at::Tensor> gradients;
  for (const Batch& batch : batches_) {
    for (const at::Tensor& value : batch.values) {
      if (value.grad().defined()) gradients.push_back(value.grad());
    }
  }
  return norm_of(gradients);
}

void AdamW::step(double gradient_norm, double factor) {
  const at::NoGradGuard no_grad;
  const double clip = settings_.max_grad_norm > 0.0
                          ? std::min(1.0, settings_.max_grad_norm / (gradient_norm + 1e-6))
                          : 1.0;
  for (Batch& batch : batches_) {
    std::vector<at::Tensor> gradients;
    for (at::Tensor& value : batch.values) {
      if (!value.grad().defined()) value.mutable_grad() = at::zeros_like(value.detach());
      gradients.push_back(value.grad());
    }
    if (clip < 1.0) at::_foreach_mul_(gradients, clip);
    at::_foreach_add_(batch.steps, 1);
    at::_fused_adamw_(batch.values, gradients, batch.exp_avgs, batch.exp_avg_sqs, {}, batch.steps,
                      batch.learning_rate * factor, settings_.beta1, settings_.beta2,
                      batch.weight_decay, settings_.epsilon,
                      /*amsgrad=*/false,
                      /*maximize=*/false);
  }
  ++steps_done_;
  zero_gradients();
}

void AdamW::zero_gradients() {
  for (Batch& batch : batches_) {
    for (at::Tensor& value : batch.values)
      value.mutable_grad().reset();
  }
}

bool AdamW::is_finite() const {
  const at::NoGradGuard no_grad;
  for (const Batch& batch : batches_) {
    if (!std::isfinite(norm_of(batch.values))) return false;
  }
  return true;
}

TensorMap AdamW::state() const {
  TensorMap state;
  for (const Batch& batch : batches_) {
    for (std::size_t i = 0; i < batch.names.size(); ++i) {
      state[batch.names[i] + ".exp_avg"] = batch.exp_avgs[i].clone();
      state[batch.names[i] + ".exp_avg_sq"] = batch.exp_avg_sqs[i].clone();
    }
  }
  return state;
}

Status AdamW::load_state(const TensorMap& state, std::int64_t steps_done) {
  for (Batch& batch : batches_) {
    for (std::size_t i = 0; i < batch.names.size(); ++i) {
      for (const auto& [suffix, target] : {std::pair{".exp_avg", batch.exp_avgs[i]},
                                           std::pair{".exp_avg_sq", batch.exp_avg_sqs[i]}}) {
        if (Status status = copy_into(state, batch.names[i] + suffix, target); !status)
          return status;
      }
      batch.steps[i].fill_(static_cast<double>(steps_done));
    }
  }
  steps_done_ = steps_done;
  return {};
}

}  // namespace plateau::trainer
