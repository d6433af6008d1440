// A frozen linear layer under a pack of trials: one multiplication for all, branches per trial.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/kernels/activations.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// One matrix that holds one or more sites side by side: queries, keys and values are one [3d, d].
struct FrozenLinear {
  struct Part {
    std::size_t site = 0;  // index into Model::linears()
    std::int64_t first_column = 0;
  };
  // [out, in] each, one below the other: a single one where they are numbers, one a site where they
  // are stored in blocks.
  std::vector<FrozenTensor> weights;
  at::Tensor bias;  // [out] or undefined
  std::vector<Part> parts;

  std::int64_t in() const { return weights.front().size(1); }
  std::int64_t out() const;
};

// y [N, out] = x [N, in] W^T + b, with x = activation(input), plus what each trial's branches make
// of their rows and columns. Where a trial brings its own weight or bias, its rows use that.
// Differentiable in the input, in the branches' trained tensors and in the trials' own weights;
// never in W and b. A row of y depends on its own row of x alone, and no trial's numbers enter
// another's: a NaN stays where it is. `input` is kept for the backward pass, x is not: it is made
// again.
at::Tensor packed_linear(const FrozenLinear& linear, const std::vector<LinearSite>& sites,
                         const at::Tensor& input, const std::vector<RowShare>& shares,
                         const kernels::Activation& activation = {});

}  // namespace plateau::trainer
