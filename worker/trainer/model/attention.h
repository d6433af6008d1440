// Self-attention over flat tokens: every sequence attends to itself alone.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"

namespace plateau::trainer {

// qkv [N, 3d]: queries, keys, values side by side. Returns [N, d]. Scaled by 1/sqrt(d / heads).
// Sequences are padded to the pack's longest inside; padded keys are masked with -inf, so they
// have no weight, and no sequence sees another.
at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t heads);

// The same, written with differentiable operations only: what CUDA runs, and what the tests
// compare the fused one with.
at::Tensor attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                 std::int64_t heads);

// What padding in front of a text sees in a decoder of transformers, where everything is hidden
// from it: all values alike, or (GPT-2) itself.
enum class BlindRow { kTakesMean, kSeesItself };

// A decoder's: every row sees its own sequence up to itself, and its trial's prefix at `layer`.
// queries [N, heads * w], keys and values [N, key_heads * w]; each key head serves heads /
// key_heads query heads (grouped-query attention, Ainslie et al. 2023, arXiv 2305.13245). Returns
// [N, heads * w]. An ordinary autograd function.
at::Tensor causal_attention(const at::Tensor& queries, const at::Tensor& keys,
                            const at::Tensor& values, const PackedBatch& batch, std::int64_t layer,
                            std::int64_t heads, std::int64_t key_heads,
                            BlindRow blind = BlindRow::kTakesMean);

}  // namespace plateau::trainer
