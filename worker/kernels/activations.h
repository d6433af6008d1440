// What stands between the two layers of a feed-forward block, and its derivative from its input
// alone.
//
// float32, bfloat16 and float64 on the CPU, where bfloat16 is computed in float32; elsewhere
// LibTorch's operations.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/spec/activations.h"

namespace plateau::kernels {

using Curve = ActivationCurve;

struct Activation {
  Curve curve = Curve::kNone;
  bool is_gated = false;  // of [gate, up] side by side: curve(gate) up (Shazeer 2020, arXiv
                          // 2002.05202)
};

// x [rows, c], contiguous. Returns [rows, c], where gated [rows, c / 2].
at::Tensor activate(const Activation& activation, const at::Tensor& x);
// The gradient of x from the output's.
at::Tensor activate_back(const Activation& activation, const at::Tensor& x,
                         const at::Tensor& gradient);

}  // namespace plateau::kernels
