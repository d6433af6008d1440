// A tensor of the base that a trial may bring its own value of.
#pragma once

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/frozen_tensor.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// A frozen tensor that trials may replace: its index among the model's parameters.
struct Frozen {
  std::size_t index = kNoParameter;
  FrozenTensor value;

  // The trial's own, cast to the frozen one's dtype, or undefined.
  at::Tensor own(const TrialHooks* hooks) const;
  // The trial's own, else the frozen one as numbers.
  at::Tensor of(const TrialHooks* hooks) const;
};

}  // namespace plateau::trainer
