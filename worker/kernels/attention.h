// Attention on the CPU over rows without padding: softmax(scale Q K^T) V of every sequence and
// head.
//
// What LibTorch's fused attention does, but each sequence is as long as it is, nothing is padded or
// copied, and gradients are written where they belong. Computed in float32 for float32 and bfloat16
// (scores too), in float64 for float64. A sequence's result does not depend on its company.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace plateau::kernels {

// One sequence's rows among the queries' and among the keys' and values'.
struct AttentionSpan {
  std::int64_t first_query = 0, queries = 0;
  std::int64_t first_key = 0, keys = 0;
  std::int64_t seen_begin = 0, seen_end = 0;  // of its keys, counted from first_key: at least one
};

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;  // a divisor of heads: each serves heads / key_heads query heads
  // The last query sees all keys, the one before it one less (Ainslie et al. 2023's grouped-query
  // attention included). Needs spans with at least as many keys as queries, all seen.
  bool causal = false;
};

// queries [N, heads * w], keys and values [M, key_heads * w]: rows may lie apart, as views of
// columns do. Every row of N is in one span, and so is every row of M.
struct AttentionInput {
  at::Tensor queries, keys, values;
};

struct AttentionOutput {
  at::Tensor out;        // [N, heads * w], the inputs' dtype
  at::Tensor logsumexp;  // [N, heads]: what backward needs of the softmax
};

// The scores are scaled with 1 / sqrt(w).
AttentionOutput attention_forward(const AttentionInput& input,
                                  const std::vector<AttentionSpan>& spans,
                                  const AttentionShape& shape);

// The gradients of the inputs are written into `gradients`, which have the inputs' shapes and may
// be views of columns. `gradient` is that of `out`.
void attention_backward(const AttentionInput& input, const at::Tensor& logsumexp,
                        const at::Tensor& gradient, const std::vector<AttentionSpan>& spans,
                        const AttentionShape& shape, const AttentionInput& gradients);

}  // namespace plateau::kernels
