// DoRA (Liu et al. 2024, arXiv 2402.09353): LoRA on the direction, a magnitude for every row.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// y = g (W x + scale B A x) + b with g = m / n and n the row norms of W + scale B A, which counts
// as a constant in the gradient. With dropout, as PEFT: W x + b + (g - 1) W x' + g scale B A x',
// x' = dropout(x).
Result<std::unique_ptr<Adapter>> make_dora(const AdapterRequest& request);

// The L2 norms of the rows of W + scale B A [out], without that matrix: by
// |W|^2 + 2 scale <W A^T, B> + scale^2 (B (A A^T)) . B, row by row. O(out * rank) memory.
// `squared_norms` are the row sums of W * W.
at::Tensor factored_row_norms(const FrozenTensor& weight, const at::Tensor& squared_norms,
                              const at::Tensor& a, const at::Tensor& b, double scale);

}  // namespace plateau::trainer
