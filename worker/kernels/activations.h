// What stands between the two layers of a feed-forward block, and its derivative from its input
// alone.
//
// float32, bfloat16 and float64 on the CPU, where bfloat16 is computed in float32; elsewhere
// LibTorch's operations.
#pragma once

#include <ATen/core/Tensor.h>

namespace plateau::kernels {

enum class Activation {
  kNone,
  kGelu,      // x Phi(x) (Hendrycks and Gimpel 2016, arXiv 1606.08415)
  kGeluTanh,  // their approximation with a hyperbolic tangent
  kSwiglu     // of [gate, up] side by side: gate logistic(gate) up (Shazeer 2020, arXiv 2002.05202)
};

// x [rows, c], contiguous. Returns [rows, c], with kSwiglu [rows, c / 2].
at::Tensor activate(Activation activation, const at::Tensor& x);
// The gradient of x from the output's.
at::Tensor activate_back(Activation activation, const at::Tensor& x, const at::Tensor& gradient);

}  // namespace plateau::kernels
