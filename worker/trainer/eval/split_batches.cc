#include "worker/trainer/eval/split_batches.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace plateau::trainer {
namespace {

std::vector<std::int64_t> by_length(const Split& split) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(split.size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return split.length(a) < split.length(b);
  });
  return order;
}

}  // namespace

void for_each_batch(const Model& model, TrialHooks* hooks, const Split& split,
                    std::int64_t batch_tokens, BatchUse use) {
  const at::NoGradGuard no_grad;
  const std::vector<std::int64_t> order = by_length(split);
  if (hooks != nullptr) hooks->begin_pass();
  for (std::size_t begin = 0; begin < order.size();) {
    TrialSequences batch;
    batch.hooks = hooks;
    std::size_t end = begin;
    // Sorted: the item at `end` is the longest so far.
    while (end < order.size() &&
           (end == begin || static_cast<std::int64_t>(end - begin + 1) * split.length(order[end]) <=
                                batch_tokens)) {
      const std::int64_t item = order[end];
      batch.sequences.push_back(
          {split.tokens(item), split.types(item), split.padding_of(item), split.prompt_of(item)});
      ++end;
    }
    fill_up(batch, row_multiple(model.info().options));
    use(pack_batch({&batch, 1}, model.info().options), {order.data() + begin, end - begin});
    begin = end;
  }
}

}  // namespace plateau::trainer
