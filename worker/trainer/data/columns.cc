#include "worker/trainer/data/columns.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/spec/task_kinds.h"

namespace plateau::trainer {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status check_keys(const TaskSpec& task) {
  const std::vector<std::string> known{"text", "text_pair", "label", "id", "prompt", "completion"};
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

std::optional<std::string> named(const TaskSpec& task, const char* key) {
  const auto found = task.columns.find(key);
  if (found == task.columns.end()) return std::nullopt;
  return found->second;
}

// A text, or two, or token ids.
void find_text(const TaskSpec& task, const std::vector<std::string>& present, Columns& columns) {
  columns.text_pair = named(task, "text_pair");
  if (const std::optional<std::string> text = named(task, "text")) {
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
}

// A prompt with its completion, a text alone, or token ids.
void find_language_text(const TaskSpec& task, const std::vector<std::string>& present,
                        Columns& columns) {
  const auto prompt = named(task, "prompt"), completion = named(task, "completion");
  const bool usual = contains(present, "prompt") && contains(present, "completion");
  if (prompt || completion || (usual && !named(task, "text"))) {
    columns.text = prompt.value_or("prompt");
    columns.text_pair = completion.value_or("completion");
    return;
  }
  columns.text = named(task, "text").value_or("text");
  columns.has_token_ids = !task.columns.contains("text") && contains(present, "input_ids");
  if (columns.has_token_ids) columns.text.clear();
}

}  // namespace

Result<Columns> resolve_columns(const TaskSpec& task, const std::vector<std::string>& present,
                                const std::filesystem::path& file) {
  if (Status status = check_keys(task); !status) return status.error();
  Columns columns;
  columns.id = named(task, "id");
  if (task.kind == kCausalLm) {
    find_language_text(task, present, columns);
  } else {
    columns.label = named(task, "label").value_or("label");
    find_text(task, present, columns);
  }
  std::vector<std::string> needed;
  if (!columns.has_token_ids) needed.push_back(columns.text);
  for (const auto& column : {columns.label, columns.text_pair, columns.id}) {
    if (column) needed.push_back(*column);
  }
  for (const std::string& column : needed) {
    if (!contains(present, column)) return missing(column, present, file);
  }
  return columns;
}

}  // namespace plateau::trainer
