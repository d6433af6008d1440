// Which rows a forward pass computes. A classifier reads one row of each text, and behind the last
// block's attention no row sees another: what nobody reads is not computed there.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"

namespace plateau::trainer {

// Some of a batch's rows, or all.
struct BlockRows {
  std::vector<std::int64_t> kept;  // ascending; empty: all
  at::Tensor index;                // the same, int64; undefined: all
  std::vector<RowShare> shares;    // of these rows

  // These rows of x, which has all.
  at::Tensor of(const at::Tensor& x) const {
    return index.defined() ? x.index_select(0, index) : x;
  }
  // Where a row of the batch stands among these. It must be one of them.
  std::int64_t place_of(std::int64_t row) const;
};

struct PassRows {
  BlockRows all;   // enters every block
  BlockRows last;  // leaves the last one
  std::int64_t layers = 0;

  // Of the block's sub-layers behind its attention.
  const BlockRows& behind_attention(std::int64_t layer) const {
    return layer + 1 == layers ? last : all;
  }
};

// `read`: the rows that are read behind the last block, ascending; empty: all. Rows that a trial
// edits behind that block stay as well.
PassRows pass_rows(const PackedBatch& batch, std::int64_t layers, std::vector<std::int64_t> read);

}  // namespace plateau::trainer
