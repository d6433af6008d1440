// A split forward, batch by batch, without a graph.
#pragma once

#include <cstdint>
#include <span>

#include <c10/util/FunctionRef.h>

#include "worker/trainer/data/dataset.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {

using BatchUse = c10::function_ref<void(const PackedBatch& batch, std::span<const std::int64_t>)>;

// Calls `use` with batches that hold every item of the split once, and with the items of each,
// whose texts come first: what fill_up() adds is behind them. Sorted by length, as many at a time
// as `batch_tokens` allow, padding counted. Calls hooks->begin_pass() once.
void for_each_batch(const Model& model, TrialHooks* hooks, const Split& split,
                    std::int64_t batch_tokens, BatchUse use);

}  // namespace plateau::trainer
