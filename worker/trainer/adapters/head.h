// A trial's task head: logits = features W^T + b, as Hugging Face's model of the architecture has
// it (HeadKind). Language modelling has none: the model's own output embeddings are used.
#pragma once

#include <cstdint>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

struct Head {
  HeadKind kind = HeadKind::kLinear;
  at::Tensor weight;                    // [outputs, hidden]; a leaf; undefined: no head
  at::Tensor bias;                      // [outputs]; a leaf; undefined with kScore
  at::Tensor dense_weight, dense_bias;  // [hidden, hidden], [hidden]; leaves; kDenseTanh only

  at::Tensor logits(const at::Tensor& features) const;
  std::int64_t parameters() const;
  // Named as Hugging Face names the classifier.
  std::vector<TrainedTensor> trained() const;
};

// Weights normal with the base's initializer_range, biases zero, from the trial's stream "head":
// the same for every adapter and rank.
Head make_head(const Model& model, std::int64_t outputs, std::uint64_t seed);

}  // namespace plateau::trainer
