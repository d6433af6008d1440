// Sums over rows that a per-column factor's gradient is made of.
#pragma once

#include <ATen/core/Tensor.h>

namespace plateau::kernels {

// sum_i a[i, j] (b[i, j] - minus[j]) for every column j: [columns], float32 (float64 for float64).
// a and b [rows, columns] of one dtype, float32, bfloat16 or float64, rows may lie apart; minus
// [columns] may be undefined. On the CPU one pass, the same bits with any number of threads.
at::Tensor column_dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus);

// The same sums, and in the same pass out = a factor. out is as a, and neither a nor b; factor
// [columns].
at::Tensor rescale_with_dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus,
                             const at::Tensor& factor, at::Tensor out);

}  // namespace plateau::kernels
