#include "worker/trainer/eval/lm_targets.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "worker/trainer/model/lm_loss.h"

namespace plateau::trainer {

LmTargets lm_targets(const Split& split, std::span<const std::int64_t> items,
                     std::int64_t virtual_tokens) {
  LmTargets targets;
  std::int64_t row = 0;
  for (const std::int64_t item : items) {
    row += virtual_tokens;
    const std::span<const std::int64_t> labels = split.labels_of_tokens(item);
    for (std::size_t i = 0; i < labels.size(); ++i, ++row) {
      const bool has_predecessor = i > 0 || virtual_tokens > 0;
      if (labels[i] == kIgnoredToken || !has_predecessor) continue;
      targets.rows.push_back(row - 1);
      targets.tokens.push_back(labels[i]);
    }
  }
  return targets;
}

at::Tensor lm_loss_mean(const at::Tensor& states, const at::Tensor& weight,
                        const LmTargets& targets) {
  const auto on_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(states.device());
  };
  const at::Tensor chosen = states.index_select(0, on_device(targets.rows));
  return lm_loss_sum(chosen, weight, on_device(targets.tokens)) /
         static_cast<double>(std::max<std::int64_t>(1, targets.count()));
}

}  // namespace plateau::trainer
