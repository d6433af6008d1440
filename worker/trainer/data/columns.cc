#include "worker/trainer/data/columns.h"

#include <algorithm>

#include "common/base/text.h"

namespace plateau::trainer {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status check_keys(const TaskSpec& task) {
  const std::vector<std::string> known{"text", "text_pair", "label", "id"};
  for (const auto& [key, column] : task.columns) {
    if (contains(known, key)) continue;
    const std::optional<std::string> close = nearest(key, known);
    return invalid_argument("Task \"" + task.name + "\": columns has the unknown key \"" + key +
                            "\"" + (close ? " (nearest: \"" + *close + "\")" : "") + ". Use " +
                            join(known, ", ") + ".");
  }
  return {};
}

Error missing(const std::string& column, const std::vector<std::string>& present,
              const std::filesystem::path& file) {
  const std::optional<std::string> close = nearest(column, present);
  return invalid_argument(file.string() + " has no column \"" + column + "\". It has: " +
                          join(present, ", ") + (close ? " (nearest: \"" + *close + "\")" : "") +
                          ". Name the right one in the task's columns.");
}

}  // namespace

Result<Columns> resolve_columns(const TaskSpec& task, const std::vector<std::string>& present,
                                const std::filesystem::path& file) {
  if (Status status = check_keys(task); !status) return status.error();
  const auto named = [&](const char* key) -> std::optional<std::string> {
    const auto found = task.columns.find(key);
    if (found == task.columns.end()) return std::nullopt;
    return found->second;
  };
  Columns columns;
  columns.label = named("label").value_or("label");
  columns.id = named("id");
  columns.text_pair = named("text_pair");
  if (const std::optional<std::string> text = named("text")) {
    columns.text = *text;
  } else if (contains(present, "input_ids")) {
    columns.has_token_ids = true;
  } else if (contains(present, "sentence")) {
    columns.text = "sentence";
  } else if (contains(present, "sentence1")) {
    columns.text = "sentence1";
    if (!columns.text_pair) columns.text_pair = "sentence2";
  } else {
    columns.text = "text";
  }

  std::vector<std::string> needed{columns.label};
  if (!columns.has_token_ids) needed.insert(needed.begin(), columns.text);
  if (columns.text_pair) needed.push_back(*columns.text_pair);
  if (columns.id) needed.push_back(*columns.id);
  for (const std::string& column : needed) {
    if (!contains(present, column)) return missing(column, present, file);
  }
  return columns;
}

}  // namespace plateau::trainer
