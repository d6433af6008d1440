// What activations.cc hands to the loops of activation_loops.h. Internal to this folder.
#pragma once

#include <cstdint>

#include "worker/kernels/by_storage.h"

namespace plateau::kernels {

// `count` elements of one storage, side by side. SwiGLU: of one row, `gate` and `up`.
struct ActivationTask {
  std::int64_t count = 0;
  const void* x = nullptr;         // GELU's input, or the gate
  const void* up = nullptr;        // SwiGLU alone
  const void* gradient = nullptr;  // backward alone: of the output
  void* out = nullptr;             // forward: the output; backward: the gradient of x
  void* up_gradient = nullptr;     // SwiGLU's backward alone
};

using ActivationLoop = void (*)(const ActivationTask& task);

// Of one storage.
struct ActivationLoopsOf {
  ActivationLoop gelu, gelu_back, swiglu, swiglu_back;
};

using ActivationLoops = ByStorage<ActivationLoopsOf>;

}  // namespace plateau::kernels
