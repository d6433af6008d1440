// RMSNorm as Hugging Face's Llama computes it.
#pragma once

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

// weight * x / sqrt(mean(x^2) + epsilon) over the last dimension; the mean in float32 or better.
// Differentiable in x, and in weight where it requires a gradient.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

}  // namespace plateau::trainer
