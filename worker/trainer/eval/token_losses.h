// Language modelling, forward only: how likely a model finds the tokens of a split.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "worker/trainer/data/dataset.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {

// Per item of a split, in its order: the sum of -log p over the tokens that are to be predicted
// (Split::token_labels), and how many they are.
struct TokenLosses {
  std::vector<double> sums;
  std::vector<std::int64_t> counts;

  double mean() const;  // over all tokens of all items; 0 without any
};

// `model` was loaded with Pooling::kTokens. The rest is split_features()'s.
TokenLosses token_losses(const Model& model, TrialHooks* hooks, const Split& split,
                         std::int64_t batch_tokens = 4096,
                         const std::function<void()>& on_batch = {});

}  // namespace plateau::trainer
