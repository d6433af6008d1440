// Baselines without an adapter: the majority class, and a linear probe on frozen features.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {

// A fitted linear map: logits = features W^T + b, all in double on the CPU.
struct LinearFit {
  at::Tensor weight;  // [outputs, width]
  at::Tensor bias;    // [outputs]
  std::int64_t iterations = 0;
  double gradient_norm = 0.0;  // of the objective at the end: 0 for closed forms
  bool converged = false;

  at::Tensor logits(const at::Tensor& features) const;
};

// Multinomial logistic regression: minimises mean cross entropy + l2 / 2 * |W|^2 (the bias is not
// penalised) by L-BFGS from zero until the gradient's norm is below 1e-6, at most 2,000 iterations.
// Deterministic. features [items, width] are converted to double.
LinearFit fit_logistic(const at::Tensor& features, const std::vector<std::int64_t>& labels,
                       std::int64_t classes, double l2);

// Ridge regression in closed form: minimises mean squared error + l2 * |W|^2.
LinearFit fit_ridge(const at::Tensor& features, const std::vector<double>& targets, double l2);

// Logits [outputs] that give every item the training split's class shares, or its mean target.
std::vector<double> majority_logits(const Split& train, std::int64_t classes, bool regression);

}  // namespace plateau::trainer
