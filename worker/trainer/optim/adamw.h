// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), one per trial.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

struct AdamWSettings {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 0.0;  // 0: no clipping
};

// One trial's optimizer over its own tensors: own rates, own step count, own
// clipping. Nothing of another trial enters.
class AdamW {
 public:
  // Tensors that share a learning rate but for their own factor
  // (TrainedTensor::rate). Those with decays == false get no weight decay.
  struct Group {
    std::vector<TrainedTensor> tensors;
    double learning_rate = 0.0;
  };

  AdamW(std::vector<Group> groups, const AdamWSettings& settings);

  // The L2 norm over all gradients; not finite when any is not. A tensor
  // without a gradient counts as zero.
  double gradient_norm() const;
  // Clips to max_grad_norm (given gradient_norm()), updates all tensors in
  // place with rates times `factor`, and drops the gradients.
  void step(double gradient_norm, double factor);
  void zero_gradients();
  // Whether all trained tensors are finite.
  bool is_finite() const;

  std::int64_t steps_done() const { return steps_done_; }

  // Moments, named "<tensor>.exp_avg" and "<tensor>.exp_avg_sq"; copies.
  TensorMap state() const;
  // kCorrupt names what is missing.
  Status load_state(const TensorMap& state, std::int64_t steps_done);

 private:
  // The tensors of a group that share a rate and a weight decay, in the form of
  // the fused kernel.
  struct Batch {
    std::vector<std::string> names;
    std::vector<at::Tensor> values, exp_avgs, exp_avg_sqs, steps;
    double learning_rate = 0.0;
    double weight_decay = 0.0;
  };

  AdamWSettings settings_;
  std::vector<Batch> batches_;
  std::int64_t steps_done_ = 0;
};

}  // namespace plateau::trainer
