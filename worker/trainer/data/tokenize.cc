#include "worker/trainer/data/tokenize.h"

#include <utility>

#include "common/spec/task_kinds.h"

#ifdef PLATEAU_WITH_ICU
#include "worker/trainer/tokenizer/tokenizer.h"
#endif

namespace plateau::trainer {
namespace {

// Every token that follows another is to be predicted.
std::vector<std::int64_t> all_tokens(const std::vector<std::int32_t>& ids) {
  return {ids.begin(), ids.end()};
}

Error too_long(const TaskSpec& task, const Row& row) {
  return invalid_argument("Task \"" + task.name + "\": item " + row.id + " brings " +
                          std::to_string(row.token_ids.size()) + " token ids, over the limit of " +
                          std::to_string(task.max_length) +
                          ". Cut it where it is tokenised, or raise the task's max_length.");
}

#ifdef PLATEAU_WITH_ICU
// A completion that leaves no room for a prompt loses its end.
Tokens join_completion(std::vector<std::int32_t> prompt, std::vector<std::int32_t> completion,
                       std::int64_t max_length) {
  const auto limit = static_cast<std::size_t>(max_length);
  const bool truncated = prompt.size() + completion.size() > limit;
  if (completion.size() >= limit) completion.resize(limit - 1);
  const std::size_t room = limit - completion.size();
  if (prompt.size() > room)
    prompt.erase(prompt.begin(), prompt.end() - static_cast<std::ptrdiff_t>(room));
  Tokens tokens;
  tokens.truncated = truncated;
  tokens.labels.assign(prompt.size(), -100);
  tokens.labels.insert(tokens.labels.end(), completion.begin(), completion.end());
  tokens.ids = std::move(prompt);
  tokens.ids.insert(tokens.ids.end(), completion.begin(), completion.end());
  tokens.type_ids.assign(tokens.ids.size(), 0);
  return tokens;
}
#endif

}  // namespace

#ifdef PLATEAU_WITH_ICU
Result<RowTokenizer> RowTokenizer::create(const std::filesystem::path& base_folder) {
  Result<Tokenizer> tokenizer = Tokenizer::from_folder(base_folder);
  if (!tokenizer) return tokenizer.error();
  RowTokenizer rows;
  rows.tokenizer_ = std::make_shared<const Tokenizer>(std::move(*tokenizer));
  return rows;
}

std::int32_t RowTokenizer::pad_id() const {
  return tokenizer_ ? tokenizer_->pad_id() : 0;
}

Tokens RowTokenizer::tokenize(const Row& row, const TaskSpec& task) const {
  const bool is_language_model = task.kind == kCausalLm;
  if (is_language_model && row.text_pair) {
    // Each by itself, so that a completion has the same tokens behind any prompt.
    return join_completion(tokenizer_->encode(row.text, {}).ids,
                           tokenizer_->encode(*row.text_pair, {.add_special_tokens = false}).ids,
                           task.max_length);
  }
  std::optional<std::string_view> pair;
  if (row.text_pair) pair = *row.text_pair;
  Encoding encoding = tokenizer_->encode(
      row.text, pair, {.add_special_tokens = true, .max_length = task.max_length});
  Tokens tokens{std::move(encoding.ids), std::move(encoding.type_ids), {}, encoding.truncated};
  if (is_language_model) tokens.labels = all_tokens(tokens.ids);
  return tokens;
}
#else
Result<RowTokenizer> RowTokenizer::create(const std::filesystem::path& base_folder) {
  return invalid_argument(
      "This trainer was built without ICU and has no tokenizer (wanted for " +
      base_folder.string() +
      "). Build it where ICU is installed, or give the task as .jsonl files with input_ids.");
}

std::int32_t RowTokenizer::pad_id() const {
  return 0;
}

Tokens RowTokenizer::tokenize(const Row&, const TaskSpec&) const {
  return {};
}
#endif

Result<Tokens> RowTokenizer::operator()(const Row& row, const TaskSpec& task) const {
  if (row.token_ids.empty()) return tokenize(row, task);
  if (static_cast<std::int64_t>(row.token_ids.size()) > task.max_length) {
    return too_long(task, row);
  }
  Tokens tokens{row.token_ids, row.token_type_ids, row.token_labels, false};
  if (task.kind == kCausalLm && tokens.labels.empty()) tokens.labels = all_tokens(tokens.ids);
  return tokens;
}

void append_item(const Row& row, const Tokens& tokens, const TaskSpec& task, Split& split) {
  split.ids.insert(split.ids.end(), tokens.ids.begin(), tokens.ids.end());
  split.type_ids.insert(split.type_ids.end(), tokens.type_ids.begin(), tokens.type_ids.end());
  split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
  split.item_ids.push_back(row.id);
  if (task.kind == kCausalLm) {
    split.token_labels.insert(split.token_labels.end(), tokens.labels.begin(), tokens.labels.end());
  } else if (task.kind == "regression") {
    split.targets.push_back(row.label.target);
  } else {
    split.labels.push_back(row.label.index);
  }
}

}  // namespace plateau::trainer
