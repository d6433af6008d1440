// What one forward pass reads: the tokens of all trials of a pack, flat and without padding.
//
// Rows are tokens. All rows of a trial are contiguous, all tokens of a sequence are contiguous, so
// every frozen matrix is one multiplication [N, in] x [in, out] for the whole pack and a trial's
// share of any activation is a view.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

class TrialHooks;

// Where the random numbers of one trial's pass come from: (seed, purpose, step, ...), never from a
// shared generator. `first_sequence` is the place of the pass's first sequence in the optimizer
// step's batch, so micro-batches draw what the whole batch would.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t first_sequence = 0;
  bool training = false;  // false: no dropout
};

// One trial's rows. `lengths` are the trial's own sequences.
struct TrialShare {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t first_sequence = 0;  // in the packed batch
  std::int64_t sequences = 0;
  const TrialHooks* hooks = nullptr;  // nullptr: the frozen base
  DropoutKey key;
  // As the hooks say: see TrialHooks.
  std::int64_t virtual_tokens = 0;  // rows in front of each sequence
  std::int64_t prefix_tokens = 0;   // keys in front of each sequence; no rows
  std::int64_t leading_pads = 0;
};

// Where a sequence's text stands among its rows, when there is padding among them.
struct TextRows {
  std::int64_t begin = 0, count = 0;
};

struct PackedBatch {
  at::Tensor token_ids;               // int64 [N]; 0 where the row is a virtual token
  at::Tensor type_ids;                // int64 [N]
  at::Tensor position_ids;            // int64 [N]: place in the sequence + prefix + leading pads
  at::Tensor text_positions;          // the same without counting padding, which has -1
  std::vector<std::int64_t> lengths;  // rows of every sequence [S], virtual tokens included
  std::vector<std::int64_t> starts;   // first row of every sequence [S]
  std::int64_t longest = 0;
  at::Tensor sequence_of_row;   // int64 [N], into S
  at::Tensor padded_row;        // int64 [N]: sequence * longest + place in the sequence
  at::Tensor key_mask;          // [S, 1, 1, longest], 0 or -inf; undefined when all keys are seen
  std::vector<TextRows> texts;  // [S]; empty unless some rows are padding
  std::vector<std::int64_t> prompts;  // [S]: rows of every sequence's prompt
  std::vector<TrialShare> shares;
  bool recompute = false;  // activation checkpointing: see recompute.h; the batch must live as long

  std::int64_t rows() const { return token_ids.size(0); }
  std::int64_t sequences() const { return static_cast<std::int64_t>(lengths.size()); }
};

// One sequence to pack. The spans must live until pack_batch returns.
struct Sequence {
  std::span<const std::int32_t> ids;
  std::span<const std::int32_t> types = {};  // empty: all zero
  // Empty, or 1 where a token is padding in front of the text or behind it: a row that is computed
  // but that no other row sees. Reference libraries compute such rows; training here has none.
  std::span<const std::uint8_t> padding = {};
  // How many of the first tokens are a prompt that something is predicted behind; 0: all of them.
  std::int64_t prompt = 0;
};

// One trial's sequences and what it adds to the model.
struct TrialSequences {
  std::vector<Sequence> sequences;  // at least one, none empty
  const TrialHooks* hooks = nullptr;
  DropoutKey key;
};

// What a trial's rows should be a multiple of. For bfloat16 on a CPU LibTorch compiles a product
// anew for every number of rows that it meets, and keeps it: milliseconds and megabytes a step,
// unless there are few numbers.
std::int64_t row_multiple(const at::TensorOptions& options);

// Adds short texts behind the trial's own, which nobody reads, until its rows are a multiple; their
// gradients are zero. Virtual tokens stand in front of these too, so a trial with such is left as
// it is.
void fill_up(TrialSequences& trial, std::int64_t multiple);

// `options` carry the dtype of the mask (the model's) and the device of everything.
PackedBatch pack_batch(std::span<const TrialSequences> trials, const at::TensorOptions& options);

// Rows of one trial, in the batch or in what was selected from it.
struct RowShare {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::vector<std::int64_t> lengths;  // rows of each sequence
  const TrialHooks* hooks = nullptr;
  DropoutKey key;
  std::vector<TextRows> texts;        // of each sequence; empty unless the batch has padding
  std::vector<std::int64_t> prompts;  // rows of each sequence's prompt; of tokens alone
};

// The shares of all rows, and of one row a sequence. Together they cover every row, in order.
std::vector<RowShare> token_shares(const PackedBatch& batch);
std::vector<RowShare> sequence_shares(const PackedBatch& batch);

}  // namespace plateau::trainer
