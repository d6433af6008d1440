// Attention with trained keys and values in front of every sequence (prefix tuning).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// Each share's prefix at this layer (undefined tensors: it has none); empty when no share has one.
std::vector<KeyValuePrefix> layer_prefixes(const PackedBatch& batch, std::int64_t layer);

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;  // a divisor of heads: each serves heads / key_heads queries
  bool causal = false;         // a token sees no later one; prefixes are seen by all
};

// queries [N, heads * w], keys and values [N, key_heads * w]; returns [N, heads * w]. As
// attention() (attention.h), but a sequence also attends to its trial's prefix. Shorter prefixes
// are padded in front and masked, so no trial sees another's. Differentiable in everything.
at::Tensor prefix_attention(const at::Tensor& queries, const at::Tensor& keys,
                            const at::Tensor& values, const PackedBatch& batch,
                            const AttentionShape& shape,
                            const std::vector<KeyValuePrefix>& prefixes);

}  // namespace plateau::trainer
