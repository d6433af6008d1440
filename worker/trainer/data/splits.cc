#include "worker/trainer/data/splits.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "common/base/random.h"
#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

using Indices = std::vector<std::size_t>;

// What makes two items the same: both texts, or the tokens of items that bring no text.
std::string text_key(const Row& row) {
  if (!row.token_ids.empty()) {
    return {reinterpret_cast<const char*>(row.token_ids.data()),
            row.token_ids.size() * sizeof(std::int32_t)};
  }
  std::string key = normalised_text(row.text);
  if (row.text_pair) key += '\n' + normalised_text(*row.text_pair);  // No text holds a line end.
  return key;
}

Indices all_of(const std::vector<Row>& rows) {
  Indices indices(rows.size());
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
}

std::vector<Row> take(std::vector<Row>& rows, const Indices& indices) {
  std::vector<Row> taken;
  taken.reserve(indices.size());
  for (const std::size_t i : indices)
    taken.push_back(std::move(rows[i]));
  return taken;
}

// Ascending `all` without ascending `taken`.
Indices minus(const Indices& all, const Indices& taken) {
  Indices rest;
  std::set_difference(all.begin(), all.end(), taken.begin(), taken.end(), std::back_inserter(rest));
  return rest;
}

Error too_few(const TaskSpec& task, const std::string& split, std::size_t there,
              std::int64_t asked) {
  return invalid_argument("Task \"" + task.name + "\": " + split + "_size asks for " +
                          std::to_string(asked) + " rows, but " + std::to_string(there) +
                          " are there for " + split + " (" + task.path +
                          "). Ask for at most that many.");
}

// A split that the files bring, cut to its size.
Result<std::vector<Row>> sample(std::vector<Row> rows, std::int64_t size, const TaskSpec& task,
                                const std::string& split) {
  if (size == 0) return rows;
  const auto count = static_cast<std::size_t>(size);
  if (count > rows.size()) return too_few(task, split, rows.size(), size);
  return take(rows,
              draw_stratified(rows, all_of(rows), count, derive_seed(task.split_seed, split)));
}

// A split that is cut from `rows`: drawn from the candidates, which lose what is drawn.
Result<Indices> cut(const std::vector<Row>& rows, Indices& candidates, std::int64_t size,
                    const TaskSpec& task, const std::string& split) {
  const std::size_t tenth = std::max<std::size_t>(1, rows.size() / 10);
  const std::size_t count = size == 0 ? tenth : static_cast<std::size_t>(size);
  if (count > candidates.size()) return too_few(task, split, candidates.size(), size);
  Indices drawn = draw_stratified(rows, candidates, count, derive_seed(task.split_seed, split));
  candidates = minus(candidates, drawn);
  return drawn;
}

// Rows of `rows` whose text occurs once among them and never in `others`.
Indices texts_that_occur_once(const std::vector<Row>& rows, const std::vector<Row>& others) {
  std::unordered_map<std::string, int> counts;
  for (const Row& row : others)
    ++counts[text_key(row)];
  std::vector<std::string> keys;
  keys.reserve(rows.size());
  for (const Row& row : rows) {
    keys.push_back(text_key(row));
    ++counts[keys.back()];
  }
  Indices once;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (counts.at(keys[i]) == 1) once.push_back(i);
  }
  return once;
}

Status check_classes(const SourceRows& rows, const TaskSpec& task) {
  if (task.kind != "classification") return {};
  std::vector<std::int64_t> counts(task.labels.size());
  for (const auto* split : {&rows.train, rows.validation ? &*rows.validation : nullptr,
                            rows.test ? &*rows.test : nullptr}) {
    if (split == nullptr) continue;
    for (const Row& row : *split)
      ++counts[static_cast<std::size_t>(row.label.index)];
  }
  return check_every_class_occurs(task, counts, rows.source);
}

// Texts that the files themselves have on both sides stay there: they are part of the benchmark.
void note_leaks(const SplitRows& splits, std::vector<std::string>& notes) {
  std::unordered_set<std::string> train;
  for (const Row& row : splits.train)
    train.insert(text_key(row));
  const auto shared = std::count_if(splits.test.begin(), splits.test.end(),
                                    [&](const Row& row) { return train.contains(text_key(row)); });
  if (shared > 0) {
    notes.push_back(with_thousands(shared) +
                    " texts of test are in train as well (the files' own splits)");
  }
}

std::string describe(const std::vector<Row>& rows, const TaskSpec& task) {
  std::string text = with_thousands(static_cast<std::int64_t>(rows.size()));
  if (task.kind != "classification") return text;
  std::vector<std::int64_t> counts(task.labels.size());
  for (const Row& row : rows)
    ++counts[static_cast<std::size_t>(row.label.index)];
  for (std::size_t i = 0; i < counts.size(); ++i) {
    text += (i == 0 ? " (" : ", ") + with_thousands(counts[i]) + " " + task.labels[i];
  }
  return text + ")";
}

Result<SplitRows> split_rows(SourceRows rows, const TaskSpec& task) {
  SplitRows splits;
  splits.notes = std::move(rows.notes);
  const bool has_validation = rows.validation.has_value();
  const bool has_test = rows.test.has_value();
  if (!has_test && has_validation) {
    rows.test = std::exchange(rows.validation, std::nullopt);
    splits.notes.push_back("no test file: validation is test, a new validation is cut from train");
  } else if (!has_test) {
    splits.notes.push_back("test and validation are cut from the rows, stratified and seeded");
  } else if (!has_validation) {
    splits.notes.push_back("no validation file: it is cut from train");
  }

  const std::vector<Row> nothing;
  Indices candidates;
  if (!rows.test || !rows.validation) {
    candidates = texts_that_occur_once(rows.train, rows.test ? *rows.test : nothing);
  }
  Indices test_indices;
  if (!rows.test) {
    Result<Indices> drawn = cut(rows.train, candidates, task.test_size, task, "test");
    if (!drawn) return drawn.error();
    test_indices = std::move(*drawn);
  }
  Indices validation_indices;
  if (!rows.validation) {
    Result<Indices> drawn = cut(rows.train, candidates, task.validation_size, task, "validation");
    if (!drawn) return drawn.error();
    validation_indices = std::move(*drawn);
  }
  const Indices rest = minus(minus(all_of(rows.train), test_indices), validation_indices);
  const auto finish = [&](std::optional<std::vector<Row>>& given, const Indices& drawn,
                          std::int64_t size, const char* split) -> Result<std::vector<Row>> {
    if (!given) return take(rows.train, drawn);
    return sample(std::move(*given), size, task, split);
  };
  Result<std::vector<Row>> test = finish(rows.test, test_indices, task.test_size, "test");
  if (!test) return test.error();
  Result<std::vector<Row>> validation =
      finish(rows.validation, validation_indices, task.validation_size, "validation");
  if (!validation) return validation.error();
  Result<std::vector<Row>> train = sample(take(rows.train, rest), task.train_size, task, "train");
  if (!train) return train.error();
  splits.test = std::move(*test);
  splits.validation = std::move(*validation);
  splits.train = std::move(*train);
  return splits;
}

}  // namespace

std::vector<std::size_t> draw_stratified(const std::vector<Row>& rows, const Indices& candidates,
                                         std::size_t count, std::uint64_t seed) {
  std::map<std::int64_t, Indices> classes;  // ordered: the draw must not depend on hashing
  for (const std::size_t i : candidates)
    classes[rows[i].label.index].push_back(i);
  struct Share {
    std::int64_t label = 0;
    std::size_t size = 0;
    std::size_t remainder = 0;  // in parts of candidates.size()
  };
  std::vector<Share> shares;
  std::size_t given = 0;
  for (const auto& [label, members] : classes) {
    const std::size_t part = count * members.size();
    shares.push_back({label, part / candidates.size(), part % candidates.size()});
    given += shares.back().size;
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Share& a, const Share& b) { return a.remainder > b.remainder; });
  for (std::size_t i = 0; given < count; ++i, ++given)
    ++shares[i].size;

  Indices drawn;
  for (const Share& share : shares) {
    Indices members = classes.at(share.label);
    Random random(derive_seed(seed, "class", {static_cast<std::uint64_t>(share.label)}));
    random.shuffle(members);
    drawn.insert(drawn.end(), members.begin(),
                 members.begin() + static_cast<std::ptrdiff_t>(share.size));
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

Result<SplitRows> make_splits(SourceRows rows, const TaskSpec& task) {
  if (Status classes = check_classes(rows, task); !classes) return classes.error();
  Result<SplitRows> splits = split_rows(std::move(rows), task);
  if (!splits) return splits.error();
  for (const auto& [split, name] :
       {std::pair(&splits->train, "train"), std::pair(&splits->validation, "validation"),
        std::pair(&splits->test, "test")}) {
    if (split->empty()) return too_few(task, name, 0, 1);
    splits->notes.push_back(std::string(name) + ": " + describe(*split, task) + " rows");
  }
  note_leaks(*splits, splits->notes);
  return splits;
}

}  // namespace plateau::trainer
