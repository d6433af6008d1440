// Attention as autograd sees it: the kernel of worker/kernels/attention.h with its derivative.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/kernels/attention.h"

namespace plateau::trainer {

// qkv [N, (heads + 2 key_heads) * w]: queries, keys and values side by side, on the CPU. Returns
// [N, heads * w]. Of the pass only qkv and a number a row and head are kept.
at::Tensor packed_attention(const at::Tensor& qkv, std::vector<kernels::AttentionSpan> spans,
                            const kernels::AttentionShape& shape);

// Keys and values with more rows than queries.
at::Tensor packed_attention(const kernels::AttentionInput& input,
                            std::vector<kernels::AttentionSpan> spans,
                            const kernels::AttentionShape& shape);

}  // namespace plateau::trainer
