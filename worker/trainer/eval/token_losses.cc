#include "worker/trainer/eval/token_losses.h"

#include <numeric>

#include <ATen/ATen.h>

#include "worker/trainer/eval/lm_targets.h"
#include "worker/trainer/eval/split_batches.h"
#include "worker/trainer/model/lm_loss.h"

namespace plateau::trainer {

double TokenLosses::mean() const {
  const std::int64_t tokens = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (tokens == 0) return 0.0;
  return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(tokens);
}

TokenLosses token_losses(const Model& model, TrialHooks* hooks, const Split& split,
                         std::int64_t batch_tokens, const std::function<void()>& on_batch) {
  TokenLosses losses;
  losses.sums.resize(static_cast<std::size_t>(split.size()));
  losses.counts.resize(losses.sums.size());
  const std::int64_t virtual_tokens = hooks == nullptr ? 0 : hooks->virtual_tokens();
  for_each_batch(
      model, hooks, split, batch_tokens,
      [&](const PackedBatch& batch, std::span<const std::int64_t> items) {
        const at::Tensor states = model.features(batch);
        const at::Tensor weight = model.lm_head().of(hooks);
        for (std::size_t i = 0; i < items.size(); ++i) {
          const auto item = static_cast<std::size_t>(items[i]);
          const LmTargets targets = lm_targets(split, items.subspan(i, 1), virtual_tokens);
          losses.counts[item] = targets.count();
          if (targets.count() == 0) continue;
          const at::Tensor rows = at::tensor(targets.rows, at::kLong) + batch.starts[i];
          losses.sums[item] = lm_loss_sum(states.index_select(0, rows.to(states.device())), weight,
                                          at::tensor(targets.tokens, at::kLong).to(states.device()))
                                  .item<double>();
        }
        if (on_batch) on_batch();
      });
  return losses;
}

}  // namespace plateau::trainer
