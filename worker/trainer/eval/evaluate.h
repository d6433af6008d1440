// Forward only: what a trained trial, or the frozen base, makes of a split.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/spec/trial.h"
#include "worker/trainer/adapters/head.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {

// Pooled features [items, hidden] of a split in its order, without a graph. `hooks` nullptr: the
// frozen base. Texts go through sorted by length, as many at a time as `batch_tokens` allow.
// Calls hooks->begin_pass(), and `on_batch` after each batch: a long split is no silence.
at::Tensor split_features(const Model& model, TrialHooks* hooks, const Split& split,
                          std::int64_t batch_tokens = 4096,
                          const std::function<void()>& on_batch = {});

// A trial's answers on a split, item by item.
struct Predictions {
  // Classification: probabilities of the classes. Regression: one value. Language modelling: the
  // sum of -log p over the text's predicted tokens, and their number.
  std::vector<std::vector<double>> scores;
  std::vector<std::int64_t> classes;  // the most probable, the lower on a tie; classification only
  double loss = 0.0;  // mean cross entropy (of items, or of all predicted tokens) or squared error
};

// From logits [items, outputs]. `split` gives labels or targets.
Predictions predictions_from_logits(const at::Tensor& logits, const Split& split,
                                    const TaskSpec& task);

// Of language modelling.
Predictions predictions_from_losses(const TokenLosses& losses);

// The task's metrics and "loss", by name. An empty split gives none.
std::map<std::string, double> compute_metrics(const Predictions& predictions, const Split& split,
                                              const TaskSpec& task);

// predictions.jsonl: {"id", "label", "prediction", "scores"} a line, in the split's order.
// Classification writes labels by name. In language modelling the prediction is the text's mean
// loss a token, and the label 0, which it would be for a model that knows the text.
std::string predictions_jsonl(const Predictions& predictions, const Split& split,
                              const TaskSpec& task);

}  // namespace plateau::trainer
