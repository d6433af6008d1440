// A trial's task head: logits = features W^T + b.
#pragma once

#include <cstdint>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

struct Head {
  at::Tensor weight;  // [outputs, hidden]; a leaf
  at::Tensor bias;    // [outputs]; a leaf

  at::Tensor logits(const at::Tensor& features) const;
  std::int64_t parameters() const;
  // Named as Hugging Face names the classifier.
  std::vector<TrainedTensor> trained() const;
};

// Weights normal with the base's initializer_range, biases zero, from the trial's stream "head":
// the same for every adapter and rank.
Head make_head(const Model& model, std::int64_t outputs, std::uint64_t seed);

}  // namespace plateau::trainer
