// Cross entropy over a large vocabulary without its [rows, vocabulary] logits: they are made, used
// and dropped a few rows at a time, in the forward pass, which keeps the gradient of the states.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

// The label that a row without a target has, as in Hugging Face's data.
inline constexpr std::int64_t kIgnoredToken = -100;

// The sum over rows of -log softmax(states W^T)[target]; a float32 (or float64) scalar. states
// [R, d], weight [V, d], targets int64 [R] in [0, V): select rows with a target before. Logits are
// computed in the states' dtype, the softmax in float32 or better. Differentiable in states, and in
// weight where it requires a gradient. `chunk_rows` rows at a time; 0: as many as 64 MiB hold.
at::Tensor lm_loss_sum(const at::Tensor& states, const at::Tensor& weight,
                       const at::Tensor& targets, std::int64_t chunk_rows = 0);

}  // namespace plateau::trainer
