#include "worker/trainer/data/dataset.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <mutex>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/sha256.h"
#include "worker/trainer/data/splits.h"

#ifdef PLATEAU_WITH_ICU
#include "worker/trainer/tokenizer/tokenizer.h"
#endif

namespace plateau::trainer {
namespace {

struct Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  bool truncated = false;
};

Error too_long(const TaskSpec& task, const Row& row) {
  return invalid_argument("Task \"" + task.name + "\": item " + row.id + " brings " +
                          std::to_string(row.token_ids.size()) + " token ids, over the limit of " +
                          std::to_string(task.max_length) +
                          ". Cut it where it is tokenised, or raise the task's max_length.");
}

// Makes tokens of rows; without ICU only of rows that bring them.
class RowTokenizer {
 public:
#ifdef PLATEAU_WITH_ICU
  static Result<RowTokenizer> create(const std::filesystem::path& base_folder) {
    Result<Tokenizer> tokenizer = Tokenizer::from_folder(base_folder);
    if (!tokenizer) return tokenizer.error();
    RowTokenizer rows;
    rows.tokenizer_ = std::make_shared<const Tokenizer>(std::move(*tokenizer));
    return rows;
  }
  std::int32_t pad_id() const {
    return tokenizer_ ? tokenizer_->pad_id() : 0;
  }

 private:
  Tokens tokenize(const Row& row, std::int64_t max_length) const {
    std::optional<std::string_view> pair;
    if (row.text_pair) pair = *row.text_pair;
    Encoding encoding =
        tokenizer_->encode(row.text, pair, {.add_special_tokens = true, .max_length = max_length});
    return {std::move(encoding.ids), std::move(encoding.type_ids), encoding.truncated};
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
#else
  static Result<RowTokenizer> create(const std::filesystem::path& base_folder) {
    return invalid_argument(
        "This trainer was built without ICU and has no tokenizer (wanted for " +
        base_folder.string() +
        "). Build it where ICU is installed, or give the task as .jsonl files with input_ids.");
  }
  std::int32_t pad_id() const {
    return 0;
  }

 private:
  Tokens tokenize(const Row&, std::int64_t) const {
    return {};
  }
#endif

 public:
  Result<Tokens> operator()(const Row& row, const TaskSpec& task) const {
    if (row.token_ids.empty()) return tokenize(row, task.max_length);
    if (static_cast<std::int64_t>(row.token_ids.size()) > task.max_length) {
      return too_long(task, row);
    }
    return Tokens{row.token_ids, row.token_type_ids, false};
  }
};

bool brings_tokens(const SplitRows& rows) {
  return !rows.train.front().token_ids.empty();
}

Result<Split> tokenize_split(const std::vector<Row>& rows, const TaskSpec& task,
                             const RowTokenizer& tokenizer, Dataset& dataset) {
  Split split;
  for (const Row& row : rows) {
    Result<Tokens> tokens = tokenizer(row, task);
    if (!tokens) return tokens.error();
    split.ids.insert(split.ids.end(), tokens->ids.begin(), tokens->ids.end());
    split.type_ids.insert(split.type_ids.end(), tokens->type_ids.begin(), tokens->type_ids.end());
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.item_ids.push_back(row.id);
    if (task.kind == "regression") {
      split.targets.push_back(row.label.target);
    } else {
      split.labels.push_back(row.label.index);
    }
    if (tokens->truncated) ++dataset.truncated;
    for (const std::int32_t id : tokens->ids)
      dataset.largest_id = std::max(dataset.largest_id, id);
  }
  return split;
}

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

void note_lengths(Dataset& dataset, std::int64_t max_length) {
  const Split* const splits[] = {&dataset.train, &dataset.validation, &dataset.test};
  std::size_t tokens = 0;
  std::int64_t items = 0;
  for (const Split* const split : splits) {
    tokens += split->ids.size();
    items += split->size();
  }
  const double share = 100.0 * static_cast<double>(dataset.truncated) / static_cast<double>(items);
  dataset.notes.push_back(one_decimal(static_cast<double>(tokens) / static_cast<double>(items)) +
                          " tokens an item on average; " + one_decimal(share) +
                          " % of the items cut to " + std::to_string(max_length) + " tokens");
}

Result<std::shared_ptr<const Dataset>> build(const TaskSpec& task,
                                             const std::filesystem::path& base_folder) {
  Result<SourceRows> source = read_rows(task);
  if (!source) return source.error();
  Result<SplitRows> rows = make_splits(std::move(*source), task);
  if (!rows) return rows.error();
  RowTokenizer tokenizer;
  if (!brings_tokens(*rows)) {
    Result<RowTokenizer> created = RowTokenizer::create(base_folder);
    if (!created) return created.error();
    tokenizer = std::move(*created);
  }
  auto dataset = std::make_shared<Dataset>();
  dataset->pad_id = tokenizer.pad_id();
  dataset->notes = std::move(rows->notes);
  for (const auto& [split, from] : {std::pair(&dataset->train, &rows->train),
                                    std::pair(&dataset->validation, &rows->validation),
                                    std::pair(&dataset->test, &rows->test)}) {
    Result<Split> tokenized = tokenize_split(*from, task, tokenizer, *dataset);
    if (!tokenized) return tokenized.error();
    *split = std::move(*tokenized);
  }
  note_lengths(*dataset, task.max_length);
  return std::shared_ptr<const Dataset>(std::move(dataset));
}

// Everything that changes a dataset: the task's fields and the tokenizer's bytes.
std::string cache_key(const TaskSpec& task, const std::filesystem::path& base_folder) {
  const Result<std::string> hash = sha256_of_file(base_folder / "tokenizer.json");
  const nlohmann::json key{
      task.path,      task.sha256,     task.reader,     task.kind,
      task.labels,    task.columns,    task.train_size, task.validation_size,
      task.test_size, task.split_seed, task.max_length, hash ? *hash : base_folder.string()};
  return key.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct Cached {
  std::string key;
  std::shared_ptr<const Dataset> dataset;
};

}  // namespace

Result<std::shared_ptr<const Dataset>> load_dataset(const TaskSpec& task,
                                                    const std::filesystem::path& base_folder) {
  // The newest few stay: a trainer goes from trial to trial of the same tasks. Held while loading,
  // so that two trials that ask at once do the work once.
  constexpr std::size_t kKept = 8;
  static std::mutex mutex;
  static std::deque<Cached> cache;
  const std::lock_guard<std::mutex> lock(mutex);
  const std::string key = cache_key(task, base_folder);
  for (const Cached& cached : cache) {
    if (cached.key == key) return cached.dataset;
  }
  Result<std::shared_ptr<const Dataset>> dataset = build(task, base_folder);
  if (!dataset) return dataset.error();
  cache.push_back({key, *dataset});
  if (cache.size() > kKept) cache.pop_front();
  return *dataset;
}

std::vector<std::int64_t> epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Random random(derive_seed(seed, "data-order", {static_cast<std::uint64_t>(epoch)}));
  random.shuffle(order);
  return order;
}

}  // namespace plateau::trainer
