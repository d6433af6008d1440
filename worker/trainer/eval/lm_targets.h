// Which rows of a batch predict which token: row i of a text predicts its token i + 1, and the last
// virtual token (prompt tuning) its first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {

struct LmTargets {
  std::vector<std::int64_t> rows;    // of the trial's share, ascending: those with a target
  std::vector<std::int64_t> tokens;  // the ids to predict there

  std::int64_t count() const { return static_cast<std::int64_t>(rows.size()); }
};

// Of the items in this order, each with `virtual_tokens` rows in front.
LmTargets lm_targets(const Split& split, std::span<const std::int64_t> items,
                     std::int64_t virtual_tokens);

// Mean cross entropy [scalar] over the targets; zero, with a graph, where there is none. states
// [rows, hidden] of the share; weight [vocabulary, hidden].
at::Tensor lm_loss_mean(const at::Tensor& states, const at::Tensor& weight,
                        const LmTargets& targets);

}  // namespace plateau::trainer
