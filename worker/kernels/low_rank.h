// A low-rank update of a layer's output, and a factor of each column with it, in one pass.
#pragma once

#include <ATen/core/Tensor.h>

namespace plateau::kernels {

// y = (y + scale s b^T) factor + rest, in place. y [rows, out] of float32, bfloat16 or float64, its
// rows may lie apart; s [rows, rank] of y's dtype; b [out, rank], factor [out] and rest [out] of
// float32 (float64 for float64), the last two may be undefined, rest without factor may not be
// given. What is stored in bfloat16 is computed in float32, b included as y's dtype has it. On the
// CPU every row's result is the same with any number of threads and any rows beside it.
void add_low_rank(at::Tensor y, const at::Tensor& s, const at::Tensor& b, double scale,
                  const at::Tensor& factor = {}, const at::Tensor& rest = {});

}  // namespace plateau::kernels
