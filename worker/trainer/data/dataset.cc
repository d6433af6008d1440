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
#include "worker/trainer/data/tokenize.h"

namespace plateau::trainer {
namespace {

bool brings_tokens(const SplitRows& rows) {
  return !rows.train.front().token_ids.empty();
}

Result<Split> tokenize_split(const std::vector<Row>& rows, const TaskSpec& task,
                             const RowTokenizer& tokenizer, Dataset& dataset) {
  Split split;
  for (const Row& row : rows) {
    Result<Tokens> tokens = tokenizer(row, task);
    if (!tokens) return tokens.error();
    append_item(row, *tokens, task, split);
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
