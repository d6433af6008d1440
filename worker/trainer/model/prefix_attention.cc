#include "worker/trainer/model/prefix_attention.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "worker/trainer/model/packed_attention.h"

namespace plateau::trainer {
namespace {

struct Columns {
  at::Tensor queries, keys, values;
};

Columns split_columns(const at::Tensor& qkv, const AttentionKind& kind) {
  const std::int64_t width = qkv.size(1) / (kind.heads + 2 * kind.key_heads);
  const std::int64_t q = kind.heads * width, k = kind.key_heads * width;
  return {qkv.narrow(1, 0, q), qkv.narrow(1, q, k), qkv.narrow(1, q + k, k)};
}

// Which row each key is, of the batch's rows followed by the trials' prefixes.
struct KeyRows {
  at::Tensor source;  // int64
  std::vector<kernels::AttentionSpan> spans;
};

KeyRows key_rows(const PackedBatch& batch) {
  KeyRows result;
  std::vector<std::int64_t> source;
  std::int64_t first_prefix = batch.rows();
  const auto append = [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t row = first; row < first + count; ++row)
      source.push_back(row);
  };
  for (const TrialShare& share : batch.shares) {
    for (std::int64_t s = share.first_sequence; s < share.first_sequence + share.sequences; ++s) {
      const auto i = static_cast<std::size_t>(s);
      const std::int64_t rows = batch.lengths[i], keys = share.prefix_tokens + rows;
      result.spans.push_back(
          {batch.starts[i], rows, static_cast<std::int64_t>(source.size()), keys, 0, keys});
      append(first_prefix, share.prefix_tokens);
      append(batch.starts[i], rows);
    }
    first_prefix += share.prefix_tokens;
  }
  result.source = at::tensor(source, at::kLong);
  return result;
}

// Flat rows [N, c] to padded ones [S, longest, c]; the rest is zero.
at::Tensor padded(const at::Tensor& rows, const PackedBatch& batch) {
  const std::int64_t places = batch.sequences() * batch.longest;
  return at::zeros({places, rows.size(1)}, rows.options().requires_grad(false))
      .index_copy(0, batch.padded_row, rows)
      .view({batch.sequences(), batch.longest, rows.size(1)});
}

// [S, L, heads * w] to [S, heads, L, w].
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

// The prefixes of all sequences [S, count, c], zeros in front of the shorter ones.
at::Tensor in_front(const PackedBatch& batch, const std::vector<KeyValuePrefix>& prefixes,
                    at::Tensor KeyValuePrefix::*part, std::int64_t count, const at::Tensor& like) {
  std::vector<at::Tensor> pieces;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const at::Tensor& own = prefixes[i].*part;
    const std::int64_t rows = own.defined() ? own.size(0) : 0;
    at::Tensor piece =
        at::zeros({count - rows, like.size(-1)}, like.options().requires_grad(false));
    if (rows > 0) piece = at::cat({piece, own.to(like.scalar_type())});
    pieces.push_back(piece.unsqueeze(0).expand({batch.shares[i].sequences, -1, -1}));
  }
  return at::cat(pieces);
}

// What may not be seen as -inf: [S, 1, longest or 1, count + longest].
at::Tensor make_mask(const PackedBatch& batch, const std::vector<KeyValuePrefix>& prefixes,
                     std::int64_t count, const AttentionKind& kind, const at::Tensor& like) {
  const std::int64_t queries = kind.causal ? batch.longest : 1;
  at::Tensor mask = at::zeros({batch.sequences(), 1, queries, count + batch.longest}, at::kDouble);
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const TrialShare& share = batch.shares[i];
    const at::Tensor& keys = prefixes[i].keys;
    const std::int64_t absent = count - (keys.defined() ? keys.size(0) : 0);
    mask.narrow(0, share.first_sequence, share.sequences).narrow(3, 0, absent).fill_(-HUGE_VAL);
  }
  for (std::int64_t s = 0; s < batch.sequences(); ++s) {
    const std::int64_t length = batch.lengths[static_cast<std::size_t>(s)];
    mask.select(0, s).narrow(2, count + length, batch.longest - length).fill_(-HUGE_VAL);
  }
  if (kind.causal) {
    const at::Tensor never = at::full({queries, count + queries}, -HUGE_VAL, at::kDouble);
    mask.add_(never.triu(count + 1));
    if (kind.window > 0) mask.add_(never.tril(count - kind.window));
  }
  return mask.to(like.device(), like.scalar_type());
}

}  // namespace

std::vector<KeyValuePrefix> layer_prefixes(const PackedBatch& batch, std::int64_t layer) {
  const bool any = std::any_of(batch.shares.begin(), batch.shares.end(),
                               [](const TrialShare& share) { return share.prefix_tokens > 0; });
  if (!any) return {};
  std::vector<KeyValuePrefix> prefixes;
  for (const TrialShare& share : batch.shares)
    prefixes.push_back(share.prefix_tokens > 0 ? share.hooks->prefix(layer) : KeyValuePrefix{});
  return prefixes;
}

at::Tensor prefix_attention(const at::Tensor& qkv, const PackedBatch& batch,
                            const AttentionKind& kind,
                            const std::vector<KeyValuePrefix>& prefixes) {
  std::int64_t longest = 0;
  for (const TrialShare& share : batch.shares)
    longest = std::max(longest, share.prefix_tokens + batch.longest);
  if (kind.binds(longest) || !qkv.device().is_cpu())
    return prefix_attention_by_autograd(qkv, batch, kind, prefixes);
  const Columns columns = split_columns(qkv, kind);
  const KeyRows rows = key_rows(batch);
  const auto with_prefix = [&](const at::Tensor& own, at::Tensor KeyValuePrefix::*part) {
    std::vector<at::Tensor> all = {own};
    for (const KeyValuePrefix& prefix : prefixes)
      if ((prefix.*part).defined()) all.push_back((prefix.*part).to(own.scalar_type()));
    return at::cat(all).index_select(0, rows.source);
  };
  return packed_attention({columns.queries, with_prefix(columns.keys, &KeyValuePrefix::keys),
                           with_prefix(columns.values, &KeyValuePrefix::values)},
                          rows.spans, {kind.heads, kind.key_heads, kind.causal});
}

at::Tensor prefix_attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                        const AttentionKind& kind,
                                        const std::vector<KeyValuePrefix>& prefixes) {
  std::int64_t count = 0;
  for (const TrialShare& share : batch.shares)
    count = std::max(count, share.prefix_tokens);
  const auto [queries, keys, values] = split_columns(qkv, kind);
  const auto with_prefix = [&](const at::Tensor& rows, at::Tensor KeyValuePrefix::*part) {
    const at::Tensor all =
        at::cat({in_front(batch, prefixes, part, count, rows), padded(rows, batch)}, 1);
    const at::Tensor heads = split_heads(all, kind.key_heads);
    if (kind.heads == kind.key_heads) return heads;
    return heads.repeat_interleave(kind.heads / kind.key_heads, 1);
  };
  const at::Tensor out = at::scaled_dot_product_attention(
      split_heads(padded(queries, batch), kind.heads), with_prefix(keys, &KeyValuePrefix::keys),
      with_prefix(values, &KeyValuePrefix::values),
      make_mask(batch, prefixes, count, kind, queries));
  return out.transpose(1, 2)
      .reshape({batch.sequences() * batch.longest, queries.size(1)})
      .index_select(0, batch.padded_row);
}

}  // namespace plateau::trainer
