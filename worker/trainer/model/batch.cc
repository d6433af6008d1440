#include "worker/trainer/model/batch.h"

#include <algorithm>
#include <array>
#include <limits>

#include <ATen/ATen.h>

#include "common/base/check.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {
namespace {

at::Tensor to_tensor(const std::vector<std::int64_t>& values, c10::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

struct Columns {
  std::vector<std::int64_t> tokens, types, positions, text_positions, sequence_of_row;
};

// Of one sequence, virtual tokens included.
TextRows text_of(const Sequence& sequence, std::int64_t virtual_tokens) {
  const auto count = static_cast<std::int64_t>(sequence.ids.size());
  if (sequence.padding.empty()) return {0, virtual_tokens + count};
  const auto first = std::find(sequence.padding.begin(), sequence.padding.end(), 0);
  const auto seen = std::count(sequence.padding.begin(), sequence.padding.end(), 0);
  return {virtual_tokens + (first - sequence.padding.begin()), seen};
}

void append(Columns& columns, const Sequence& sequence, std::int64_t index,
            const TrialShare& share) {
  PLATEAU_CHECK(!sequence.ids.empty(), "an empty sequence cannot be packed");
  const std::int64_t rows = share.virtual_tokens + static_cast<std::int64_t>(sequence.ids.size());
  std::int64_t seen = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool is_virtual = row < share.virtual_tokens;
    const auto i = static_cast<std::size_t>(is_virtual ? 0 : row - share.virtual_tokens);
    columns.tokens.push_back(is_virtual ? 0 : sequence.ids[i]);
    columns.types.push_back(is_virtual || sequence.types.empty() ? 0 : sequence.types[i]);
    const bool is_padding = !is_virtual && !sequence.padding.empty() && sequence.padding[i] != 0;
    columns.positions.push_back(share.prefix_tokens + share.leading_pads + row);
    columns.text_positions.push_back(is_padding ? -1 : share.prefix_tokens + seen++);
    columns.sequence_of_row.push_back(index);
  }
}

TrialShare begin_share(const TrialSequences& trial) {
  TrialShare share;
  share.sequences = static_cast<std::int64_t>(trial.sequences.size());
  share.hooks = trial.hooks;
  share.key = trial.key;
  if (trial.hooks == nullptr) return share;
  share.virtual_tokens = trial.hooks->virtual_tokens();
  share.prefix_tokens = trial.hooks->prefix_tokens();
  share.leading_pads = trial.hooks->leading_pads();
  return share;
}

at::Tensor make_key_mask(const PackedBatch& batch, const at::TensorOptions& options) {
  const bool even = std::all_of(batch.lengths.begin(), batch.lengths.end(),
                                [&](std::int64_t length) { return length == batch.longest; });
  if (even && batch.texts.empty()) return {};
  at::Tensor mask = at::zeros({batch.sequences(), batch.longest}, at::kDouble);
  for (std::int64_t s = 0; s < batch.sequences(); ++s) {
    const std::int64_t length = batch.lengths[static_cast<std::size_t>(s)];
    mask.select(0, s).narrow(0, length, batch.longest - length).fill_(-HUGE_VAL);
    if (batch.texts.empty()) continue;
    const TextRows text = batch.texts[static_cast<std::size_t>(s)];
    mask.select(0, s).fill_(-HUGE_VAL).narrow(0, text.begin, text.count).fill_(0.0);
  }
  return mask.view({batch.sequences(), 1, 1, batch.longest})
      .to(options.device(), c10::typeMetaToScalarType(options.dtype()));
}

constexpr std::int64_t kRowMultiple = 64;
constexpr std::int64_t kFillerRows = 16;  // of a text: fits every table of positions

}  // namespace

std::int64_t row_multiple(const at::TensorOptions& options) {
  const bool is_compiled =
      options.device().is_cpu() && c10::typeMetaToScalarType(options.dtype()) == at::kBFloat16;
  return is_compiled ? kRowMultiple : 1;
}

void fill_up(TrialSequences& trial, std::int64_t multiple) {
  if (trial.hooks != nullptr && trial.hooks->virtual_tokens() > 0) return;
  static constexpr std::array<std::int32_t, kFillerRows> kIds = {};
  std::int64_t rows = 0;
  for (const Sequence& sequence : trial.sequences)
    rows += static_cast<std::int64_t>(sequence.ids.size());
  for (std::int64_t missing = (multiple - rows % multiple) % multiple; missing > 0;) {
    const std::int64_t count = std::min(missing, kFillerRows);
    trial.sequences.push_back({std::span(kIds).first(static_cast<std::size_t>(count))});
    missing -= count;
  }
}

PackedBatch pack_batch(std::span<const TrialSequences> trials, const at::TensorOptions& options) {
  PackedBatch batch;
  Columns columns;
  std::vector<TextRows> texts;
  bool has_padding = false;
  for (const TrialSequences& trial : trials) {
    TrialShare share = begin_share(trial);
    share.first_row = static_cast<std::int64_t>(columns.tokens.size());
    share.first_sequence = batch.sequences();
    for (const Sequence& sequence : trial.sequences) {
      batch.starts.push_back(static_cast<std::int64_t>(columns.tokens.size()));
      append(columns, sequence, batch.sequences(), share);
      batch.lengths.push_back(share.virtual_tokens +
                              static_cast<std::int64_t>(sequence.ids.size()));
      batch.prompts.push_back(sequence.prompt > 0 ? share.virtual_tokens + sequence.prompt
                                                  : batch.lengths.back());
      batch.longest = std::max(batch.longest, batch.lengths.back());
      texts.push_back(text_of(sequence, share.virtual_tokens));
      has_padding = has_padding || texts.back().count != batch.lengths.back();
    }
    share.rows = static_cast<std::int64_t>(columns.tokens.size()) - share.first_row;
    batch.shares.push_back(share);
  }
  PLATEAU_CHECK(!columns.tokens.empty(), "an empty batch cannot be packed");
  if (has_padding) batch.texts = std::move(texts);
  const c10::Device device = options.device();
  std::vector<std::int64_t> padded_row(columns.tokens.size());
  for (std::size_t row = 0; row < padded_row.size(); ++row) {
    const std::int64_t sequence = columns.sequence_of_row[row];
    const std::int64_t place =
        static_cast<std::int64_t>(row) - batch.starts[static_cast<std::size_t>(sequence)];
    padded_row[row] = sequence * batch.longest + place;
  }
  batch.token_ids = to_tensor(columns.tokens, device);
  batch.type_ids = to_tensor(columns.types, device);
  batch.position_ids = to_tensor(columns.positions, device);
  batch.text_positions = to_tensor(columns.text_positions, device);
  batch.sequence_of_row = to_tensor(columns.sequence_of_row, device);
  batch.padded_row = to_tensor(padded_row, device);
  batch.key_mask = make_key_mask(batch, options);
  return batch;
}

std::vector<RowShare> token_shares(const PackedBatch& batch) {
  std::vector<RowShare> shares;
  for (const TrialShare& share : batch.shares) {
    const auto first = batch.lengths.begin() + share.first_sequence;
    shares.push_back({share.first_row,
                      share.rows,
                      {first, first + share.sequences},
                      share.hooks,
                      share.key,
                      {},
                      {}});
    const auto prompt = batch.prompts.begin() + share.first_sequence;
    shares.back().prompts = {prompt, prompt + share.sequences};
    if (batch.texts.empty()) continue;
    const auto text = batch.texts.begin() + share.first_sequence;
    shares.back().texts = {text, text + share.sequences};
  }
  return shares;
}

std::vector<RowShare> sequence_shares(const PackedBatch& batch) {
  std::vector<RowShare> shares;
  for (const TrialShare& share : batch.shares) {
    shares.push_back({share.first_sequence,
                      share.sequences,
                      std::vector<std::int64_t>(static_cast<std::size_t>(share.sequences), 1),
                      share.hooks,
                      share.key,
                      {},
                      {}});
  }
  return shares;
}

}  // namespace plateau::trainer
