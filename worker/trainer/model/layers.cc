#include "worker/trainer/model/layers.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "worker/trainer/model/rms_norm.h"

namespace plateau::trainer {
namespace {

at::Tensor norm_of(const Norm& norm, const at::Tensor& x, const TrialHooks* hooks) {
  const at::Tensor weight = norm.weight.of(hooks);
  if (norm.bias.index == kNoParameter) return rms_norm(x, weight, norm.epsilon);
  return at::layer_norm(x, {x.size(-1)}, weight, norm.bias.of(hooks), norm.epsilon);
}

std::vector<at::Tensor> split_rows(const at::Tensor& x, const std::vector<RowShare>& shares) {
  if (shares.size() == 1) return {x};
  std::vector<std::int64_t> counts;
  for (const RowShare& share : shares)
    counts.push_back(share.rows);
  return at::split_with_sizes(x, counts, 0);
}

at::Tensor index_of(std::vector<std::int64_t> rows, const at::Tensor& like) {
  return at::tensor(rows, at::kLong).to(like.device());
}

}  // namespace

at::Tensor map_rows(const at::Tensor& x, const std::vector<RowShare>& shares, RowChange change) {
  // One split and one cat: their derivatives copy, they add nothing across trials.
  std::vector<at::Tensor> pieces = split_rows(x, shares);
  bool changed = false;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].hooks == nullptr || shares[i].rows == 0) continue;
    at::Tensor result = change(shares[i], pieces[i]);
    if (result.is_same(pieces[i])) continue;
    changed = true;
    pieces[i] = std::move(result);
  }
  if (!changed) return x;
  return pieces.size() == 1 ? pieces.front() : at::cat(pieces, 0);
}

at::Tensor Frozen::own(const TrialHooks* hooks) const {
  if (hooks == nullptr || index == kNoParameter) return {};
  const at::Tensor own = hooks->parameter(index);
  return own.defined() ? own.to(value.scalar_type()) : own;
}

at::Tensor Frozen::of(const TrialHooks* hooks) const {
  const at::Tensor mine = own(hooks);
  return mine.defined() ? mine : value.dense();
}

at::Tensor apply_norm(const Norm& norm, const at::Tensor& x, const std::vector<RowShare>& shares) {
  bool any = false;
  for (const RowShare& share : shares)
    any = any || norm.weight.own(share.hooks).defined() || norm.bias.own(share.hooks).defined();
  if (!any) return norm_of(norm, x, nullptr);
  std::vector<at::Tensor> pieces = split_rows(x, shares);
  for (std::size_t i = 0; i < shares.size(); ++i)
    pieces[i] = norm_of(norm, pieces[i], shares[i].hooks);
  return at::cat(pieces, 0);
}

at::Tensor embed(const Frozen& table, const at::Tensor& ids, const std::vector<RowShare>& shares,
                 std::int64_t padding) {
  return map_rows(table.value.rows_at(ids), shares,
                  [&](const RowShare& share, const at::Tensor& rows) -> at::Tensor {
                    const at::Tensor own = table.own(share.hooks);
                    if (!own.defined()) return rows;
                    return at::embedding(own, ids.narrow(0, share.first_row, share.rows), padding);
                  });
}

at::Tensor embed_words(const Frozen& table, const PackedBatch& batch,
                       const std::vector<RowShare>& shares, std::int64_t padding) {
  const at::Tensor words = embed(table, batch.token_ids, shares, padding);
  return map_rows(words, shares, [&](const RowShare& share, const at::Tensor& rows) -> at::Tensor {
    const std::int64_t count = share.hooks->virtual_tokens();
    if (count == 0) return rows;
    const at::Tensor tokens = share.hooks->virtual_embeddings().to(rows.scalar_type());
    std::vector<at::Tensor> pieces;
    std::int64_t row = 0;
    for (const std::int64_t length : share.lengths) {
      pieces.push_back(tokens);
      pieces.push_back(rows.narrow(0, row + count, length - count));
      row += length;
    }
    return at::cat(pieces, 0);
  });
}

at::Tensor edit_sublayer(const SublayerOutput& place, const at::Tensor& y, const at::Tensor& x,
                         const std::vector<RowShare>& shares) {
  const bool any = std::any_of(shares.begin(), shares.end(), [&](const RowShare& share) {
    return share.hooks != nullptr &&
           share.hooks->sublayer_edit(place.layer, place.sublayer) != SublayerEdit::kNone;
  });
  if (!any) return y;
  return map_rows(y, shares, [&](const RowShare& share, const at::Tensor& rows) -> at::Tensor {
    const SublayerEdit edit = share.hooks->sublayer_edit(place.layer, place.sublayer);
    if (edit == SublayerEdit::kNone) return rows;
    at::Tensor read = rows;
    if (edit == SublayerEdit::kNormedSum) {
      read = rows + x.narrow(0, share.first_row, share.rows);
      if (place.norm != nullptr) read = norm_of(*place.norm, read, share.hooks);
    }
    const SublayerInput input{place.layer, place.sublayer, share.lengths, share.key};
    return rows + share.hooks->sublayer_addition(input, read);
  });
}

at::Tensor edit_block_output(const at::Tensor& h, std::int64_t layer, const PassRows& rows) {
  std::vector<at::Tensor> indices, edited;
  for (const RowShare& share : rows.all.shares) {
    if (share.hooks == nullptr) continue;
    const BlockInput input = block_input(share, layer);
    std::vector<std::int64_t> places = share.hooks->edited_rows(input);
    if (places.empty()) continue;
    for (std::int64_t& place : places)
      place = rows.behind_attention(layer).place_of(share.first_row + place);
    const at::Tensor index = index_of(std::move(places), h);
    edited.push_back(share.hooks->edit_block(input, h.index_select(0, index)));
    indices.push_back(index);
  }
  // Only rows that a trial edits are replaced: everything else of h is passed on by copy.
  if (indices.empty()) return h;
  return h.index_copy(0, at::cat(indices), at::cat(edited));
}

at::Tensor mean_of_text(const at::Tensor& h, const PackedBatch& batch) {
  std::vector<std::int64_t> counts, virtual_rows;
  for (const TrialShare& share : batch.shares) {
    for (std::int64_t s = share.first_sequence; s < share.first_sequence + share.sequences; ++s) {
      const auto i = static_cast<std::size_t>(s);
      counts.push_back(batch.lengths[i] - share.virtual_tokens);
      for (std::int64_t row = 0; row < share.virtual_tokens; ++row)
        virtual_rows.push_back(batch.starts[i] + row);
    }
  }
  at::Tensor counted = h;
  if (!virtual_rows.empty()) {
    const at::Tensor index = index_of(std::move(virtual_rows), h);
    counted = h.index_fill(0, index, 0);
  }
  // at::tensor makes no bfloat16 of its own on the CPU.
  const at::Tensor lengths = at::tensor(counts, at::kLong).to(h.options().requires_grad(false));
  const at::Tensor sums = at::zeros({batch.sequences(), h.size(1)}, lengths.options())
                              .index_add(0, batch.sequence_of_row, counted);
  return sums / lengths.unsqueeze(1);
}

std::vector<std::int64_t> last_rows(const PackedBatch& batch, std::int64_t padding) {
  const at::Tensor ids = batch.token_ids.cpu();
  const std::int64_t* id = ids.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < batch.starts.size(); ++i) {
    const std::int64_t first = batch.starts[i];
    std::int64_t row = first + batch.lengths[i] - 1;
    while (row > first && id[row] == padding)
      --row;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace plateau::trainer
