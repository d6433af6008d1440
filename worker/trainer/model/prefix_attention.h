// Attention with trained keys and values in front of every sequence (prefix tuning).
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/batch.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// Each share's prefix at this layer (undefined tensors: it has none); empty when no share has one.
std::vector<KeyValuePrefix> layer_prefixes(const PackedBatch& batch, std::int64_t layer);

// As self_attention() (attention.h), but a sequence also attends to its trial's prefix.
// Differentiable in everything. On the CPU the prefixes become rows in front of each sequence's
// keys; elsewhere, and where a window hides something, prefix_attention_by_autograd() is it.
at::Tensor prefix_attention(const at::Tensor& qkv, const PackedBatch& batch,
                            const AttentionKind& kind, const std::vector<KeyValuePrefix>& prefixes);

// With differentiable operations only. Shorter prefixes are padded in front and masked, so no trial
// sees another's.
at::Tensor prefix_attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                        const AttentionKind& kind,
                                        const std::vector<KeyValuePrefix>& prefixes);

}  // namespace plateau::trainer
