// A task's data, read, split and tokenised: what training and evaluation consume.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"

namespace plateau::trainer {

// One split. Items lie flat, one behind the other: item i has the tokens
// [offsets[i], offsets[i + 1]), special tokens included, without padding.
struct Split {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;    // as long as ids
  std::vector<std::int64_t> offsets{0};  // size() + 1
  std::vector<std::int64_t> labels;      // classification: index into TaskSpec::labels, per item
  std::vector<double> targets;           // regression: the value, per item
  // Language modelling: per token of ids, the id itself where it is to be predicted (from what
  // stands before it), else -100. As long as ids.
  std::vector<std::int64_t> token_labels;
  // Empty, or as long as ids: 1 where a token is padding, see Sequence::padding.
  std::vector<std::uint8_t> padding;
  std::vector<std::string> item_ids;  // unique in the split; stable across runs and seeds

  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t length(std::int64_t item) const {
    const auto i = static_cast<std::size_t>(item);
    return offsets[i + 1] - offsets[i];
  }
  std::span<const std::int32_t> tokens(std::int64_t item) const { return slice(ids, item); }
  std::span<const std::int32_t> types(std::int64_t item) const { return slice(type_ids, item); }
  std::span<const std::uint8_t> padding_of(std::int64_t item) const {
    return padding.empty() ? std::span<const std::uint8_t>() : slice(padding, item);
  }
  std::span<const std::int64_t> labels_of_tokens(std::int64_t item) const {
    return slice(token_labels, item);
  }
  // How many tokens stand in front of the first that is to be predicted; 0 where none of them does,
  // or nothing is predicted.
  std::int64_t prompt_of(std::int64_t item) const {
    if (token_labels.empty()) return 0;
    const std::span<const std::int64_t> wanted = labels_of_tokens(item);
    const auto first =
        std::find_if(wanted.begin(), wanted.end(), [](std::int64_t label) { return label >= 0; });
    return first == wanted.end() ? 0 : first - wanted.begin();
  }

 private:
  template <typename Value>
  std::span<const Value> slice(const std::vector<Value>& flat, std::int64_t item) const {
    const auto i = static_cast<std::size_t>(item);
    return {flat.data() + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
  }
};

struct Dataset {
  Split train;
  Split validation;
  Split test;
  std::int32_t pad_id = 0;         // of the tokenizer; 0 for files of token ids
  std::int32_t largest_id = 0;     // over all splits: must be below the base's vocabulary
  std::int64_t truncated = 0;      // items that were cut to max_length, over all splits
  std::vector<std::string> notes;  // for tables: rows read, kept, dropped and why; cuts
};

// Reads, splits and tokenises, once per process for each (task, tokenizer): later calls return the
// same object. Thread-safe; blocks (seconds for large files).
//
// `base_folder` holds tokenizer.json. Rows that bring `input_ids` need no tokenizer; a build
// without ICU takes only those. kNotFound, kCorrupt or kInvalidArgument name file, line, and what
// to do.
Result<std::shared_ptr<const Dataset>> load_dataset(const TaskSpec& task,
                                                    const std::filesystem::path& base_folder);

// The items of one pass over `count` items in their order: a permutation of 0..count-1 that depends
// on (seed, epoch, count) alone, so every cell of a sweep sees the data in the same order.
std::vector<std::int64_t> epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t count);

}  // namespace plateau::trainer
