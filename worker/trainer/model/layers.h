// What every architecture is built of, under a pack of trials: each trial's rows may use their own
// tensors and may be edited. Everything is an ordinary autograd function of the rows; no trial's
// numbers enter another's.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include "worker/trainer/model/batch.h"
#include "worker/trainer/model/frozen.h"
#include "worker/trainer/model/hooks.h"
#include "worker/trainer/model/pass_rows.h"

namespace plateau::trainer {

// x [N, w] with each trial's rows replaced by what `change` makes of them (as many rows; the same
// tensor: no change). x itself when nobody changes anything. Shares without hooks are left out.
using RowChange = c10::function_ref<at::Tensor(const RowShare& share, const at::Tensor& rows)>;
at::Tensor map_rows(const at::Tensor& x, const std::vector<RowShare>& shares, RowChange change);

// LayerNorm; RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467) where there is no bias.
struct Norm {
  Frozen weight;
  Frozen bias;
  double epsilon = 0.0;
};
at::Tensor apply_norm(const Norm& norm, const at::Tensor& x, const std::vector<RowShare>& shares);

// Rows of the table at ids [N]. That of `padding` (-1: none) is read and never trained, as torch's
// Embedding has it.
at::Tensor embed(const Frozen& table, const at::Tensor& ids, const std::vector<RowShare>& shares,
                 std::int64_t padding = -1);
// Word embeddings, with each trial's virtual tokens in front of its sequences.
at::Tensor embed_words(const Frozen& table, const PackedBatch& batch,
                       const std::vector<RowShare>& shares, std::int64_t padding = -1);

// One sub-layer's output y before its residual x is added, with the trials' bottlenecks. `norm`:
// what follows the sum in post-norm models, or nullptr.
struct SublayerOutput {
  std::int64_t layer = 0;
  Sublayer sublayer = Sublayer::kAttention;
  const Norm* norm = nullptr;
};
at::Tensor edit_sublayer(const SublayerOutput& place, const at::Tensor& y, const at::Tensor& x,
                         const std::vector<RowShare>& shares);

// A block's output, of rows.behind_attention(layer), with the rows that trials edit replaced.
at::Tensor edit_block_output(const at::Tensor& h, std::int64_t layer, const PassRows& rows);

// Mean over each sequence's text tokens [S, w]: virtual tokens do not count.
at::Tensor mean_of_text(const at::Tensor& h, const PackedBatch& batch);
// Of each sequence the last row [S] whose token is not `padding` (-1: any), the first one where it
// is nothing else: what transformers' classifiers of decoders read.
std::vector<std::int64_t> last_rows(const PackedBatch& batch, std::int64_t padding);

}  // namespace plateau::trainer
