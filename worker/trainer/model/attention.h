// Self-attention over flat tokens: every sequence attends to itself alone, and to its trial's
// prefix.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"

namespace plateau::trainer {

// What padding in front of a text sees in a decoder of transformers, where everything is hidden
// from it: all values alike, or (GPT-2) itself.
enum class BlindRow { kTakesMean, kSeesItself };

struct AttentionKind {
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;  // a divisor of heads: each serves heads / key_heads query heads
  bool causal = false;         // a token sees no later one; prefixes are seen by all
  BlindRow blind = BlindRow::kTakesMean;
  std::int64_t window = 0;  // a causal token sees itself and window - 1 before it; 0: all

  // Whether it hides anything in a batch whose longest text has so many rows, prefix included.
  bool binds(std::int64_t longest) const { return window > 0 && window < longest; }
};

// qkv [N, (heads + 2 key_heads) * w]: queries, keys and values side by side. Returns
// [N, heads * w]; scores are scaled by 1/sqrt(w). An ordinary autograd function of qkv and of the
// trials' prefixes at this layer.
at::Tensor self_attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t layer,
                          const AttentionKind& kind);

// The same without prefixes, written with differentiable operations only: what CUDA runs, and what
// the tests compare the fused one with.
at::Tensor attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                 const AttentionKind& kind);

}  // namespace plateau::trainer
