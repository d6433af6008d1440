// Picks loops by dtype. Apart from by_storage.h, since files that are compiled for one instruction
// set include nothing of LibTorch (vectors.h says why). Internal to this folder.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include "worker/kernels/by_storage.h"

namespace plateau::kernels {

template <typename Loops>
const Loops& loops_of(const ByStorage<Loops>& loops, c10::ScalarType dtype, const char* what) {
  TORCH_CHECK(dtype == c10::kFloat || dtype == c10::kBFloat16 || dtype == c10::kDouble, what,
              " computes float32, bfloat16 and float64, not ", dtype);
  if (dtype == c10::kBFloat16) return loops.bfloat16;
  return dtype == c10::kDouble ? loops.float64 : loops.float32;
}

}  // namespace plateau::kernels
