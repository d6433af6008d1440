// A tensor of the base that a trial may bring its own value of.
#pragma once

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// A frozen tensor that trials may replace: its index among the model's parameters.
struct Frozen {
  std::size_t index = kNoParameter;
  at::Tensor value;

  // The trial's own, cast to the frozen one's dtype, or undefined.
  at::Tensor own(const TrialHooks* hooks) const;
  at::Tensor of(const TrialHooks* hooks) const;  // the trial's own, else the frozen one
};

}  // namespace plateau::trainer
