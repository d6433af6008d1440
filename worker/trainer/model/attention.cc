#include "worker/trainer/model/attention.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "worker/trainer/model/packed_attention.h"
#include "worker/trainer/model/prefix_attention.h"

namespace plateau::trainer {
namespace {

// Queries, keys and values as [S, heads, longest, w], each key head repeated for the queries that
// it serves; padding is zero.
struct PaddedHeads {
  at::Tensor queries, keys, values;
};

PaddedHeads padded_heads(const at::Tensor& qkv, const PackedBatch& batch,
                         const AttentionKind& kind) {
  const std::int64_t parts = kind.heads + 2 * kind.key_heads;
  const at::Tensor heads =
      at::zeros({batch.sequences() * batch.longest, qkv.size(1)}, qkv.options())
          .index_copy(0, batch.padded_row, qkv)
          .view({batch.sequences(), batch.longest, parts, qkv.size(1) / parts})
          .transpose(1, 2);
  const auto keys = [&](std::int64_t first) {
    const at::Tensor own = heads.narrow(1, first, kind.key_heads);
    const std::int64_t group = kind.heads / kind.key_heads;
    return group == 1 ? own : own.repeat_interleave(group, 1);
  };
  return {heads.narrow(1, 0, kind.heads), keys(kind.heads), keys(kind.heads + kind.key_heads)};
}

// [S, heads, longest, w] to [N, heads * w].
at::Tensor flat_rows(const at::Tensor& heads, const PackedBatch& batch) {
  return heads.transpose(1, 2)
      .reshape({batch.sequences() * batch.longest, heads.size(1) * heads.size(3)})
      .index_select(0, batch.padded_row);
}

// Which keys a row may see: [longest, longest], true where it may.
at::Tensor looks_back(std::int64_t longest, std::int64_t window, const at::TensorOptions& options) {
  const at::Tensor back = at::ones({longest, longest}, options.dtype(at::kBool)).tril();
  return window > 0 ? back.triu(1 - window) : back;
}

// Causal attention where rows are padding. What is not seen gets the lowest number instead of
// minus infinity, as transformers has it.
at::Tensor attention_with_padding(const PaddedHeads& heads, const PackedBatch& batch,
                                  const AttentionKind& kind) {
  const at::Tensor& mask = batch.key_mask;  // [S, 1, 1, L]
  const at::Tensor back = looks_back(batch.longest, kind.window, mask.options());
  const double lowest = mask.scalar_type() == at::kDouble ? std::numeric_limits<double>::lowest()
                                                          : std::numeric_limits<float>::lowest();
  const at::Tensor hidden = (mask == 0).logical_and(back).logical_not();
  at::Tensor added = at::zeros(hidden.sizes(), mask.options()).masked_fill(hidden, lowest);
  if (kind.blind == BlindRow::kSeesItself) added.masked_fill_(back.logical_not(), -HUGE_VAL);
  const double scale = 1.0 / std::sqrt(static_cast<double>(heads.queries.size(3)));
  const at::Tensor scores = at::matmul(heads.queries, heads.keys.transpose(2, 3)) * scale + added;
  return at::matmul(at::softmax(scores, 3), heads.values);
}

std::vector<kernels::AttentionSpan> spans_of(const PackedBatch& batch) {
  std::vector<kernels::AttentionSpan> spans;
  for (std::size_t i = 0; i < batch.lengths.size(); ++i) {
    const std::int64_t first = batch.starts[i], rows = batch.lengths[i];
    const TextRows text = batch.texts.empty() ? TextRows{0, rows} : batch.texts[i];
    spans.push_back({first, rows, first, rows, text.begin, text.begin + text.count});
  }
  return spans;
}

}  // namespace

at::Tensor self_attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t layer,
                          const AttentionKind& kind) {
  const std::vector<KeyValuePrefix> prefixes = layer_prefixes(batch, layer);
  if (!prefixes.empty()) return prefix_attention(qkv, batch, kind, prefixes);
  const bool blind_rows = kind.causal && !batch.texts.empty();
  if (blind_rows || kind.binds(batch.longest) || !qkv.device().is_cpu())
    return attention_by_autograd(qkv, batch, kind);
  return packed_attention(qkv, spans_of(batch), {kind.heads, kind.key_heads, kind.causal});
}

at::Tensor attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                 const AttentionKind& kind) {
  const PaddedHeads heads = padded_heads(qkv, batch, kind);
  if (kind.causal && !batch.texts.empty())
    return flat_rows(attention_with_padding(heads, batch, kind), batch);
  // Padding stands behind each text, so a row that looks only back never sees any.
  std::optional<at::Tensor> mask;
  if (!kind.causal && batch.key_mask.defined()) mask = batch.key_mask;
  const bool binds = kind.binds(batch.longest);
  if (binds) mask = looks_back(batch.longest, kind.window, at::device(qkv.device()));
  const at::Tensor out = at::scaled_dot_product_attention(heads.queries, heads.keys, heads.values,
                                                          mask, 0.0, kind.causal && !binds);
  return flat_rows(out, batch);
}

}  // namespace plateau::trainer
