#include "worker/trainer/tasks/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/base/text.h"

namespace plateau::trainer {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<LabelReader> LabelReader::create(const TaskSpec& task) {
  LabelReader reader;
  reader.is_regression_ = task.kind == "regression";
  reader.names_ = task.labels;
  const std::string start = "Task \"" + task.name + "\" ";
  if (task.kind != "classification") {
    if (task.labels.empty()) return reader;
    return invalid_argument(start +
                            (reader.is_regression_ ? "is a regression" : "models language") +
                            " but lists classes. Remove its labels, or set its kind to "
                            "classification.");
  }
  if (task.labels.size() < 2) {
    return invalid_argument(
        start + "lists " + std::to_string(task.labels.size()) +
        " classes; a classification needs at least two. List them as labels, in "
        "the order of their indices.");
  }
  std::vector<std::string> sorted = task.labels;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return invalid_argument(start + "lists the class \"" + *twice + "\" twice. Remove one.");
  }
  if (sorted.front().empty()) {
    return invalid_argument(start + "lists a class without a name. Give it one.");
  }
  for (const std::string& name : sorted) {
    if (parse_number<std::int64_t>(name)) reader.has_numeric_name_ = true;
  }
  return reader;
}

Result<Label> LabelReader::read_text(std::string_view text, const std::string& where) const {
  if (is_regression_) {
    const std::optional<double> target = parse_number<double>(text);
    if (target && std::isfinite(*target)) return Label{0, *target};
    return invalid_argument(where + ": the label \"" + std::string(text) +
                            "\" is no finite number, as the regression needs. Correct the row, or "
                            "set the task's kind to classification.");
  }
  const auto name = std::find(names_.begin(), names_.end(), text);
  if (name != names_.end()) return Label{name - names_.begin(), 0};
  const std::optional<std::int64_t> index = parse_number<std::int64_t>(text);
  if (index && !has_numeric_name_ && *index >= 0 &&
      *index < static_cast<std::int64_t>(names_.size())) {
    return Label{*index, 0};
  }
  const std::optional<std::string> close = nearest(text, names_);
  return invalid_argument(
      where + ": the label \"" + std::string(text) + "\" is outside the classes " +
      join(names_, ", ") +
      (has_numeric_name_ ? "" : " (or 0 to " + std::to_string(names_.size() - 1) + ")") +
      (close ? ". Did you mean \"" + *close + "\"?" : ".") +
      " Correct the row, or list the class in the task's labels.");
}

Result<Label> LabelReader::read_json(const nlohmann::json& value, const std::string& where) const {
  if (value.is_string()) return read_text(value.get_ref<const std::string&>(), where);
  if (value.is_boolean()) {
    const bool truth = value.get<bool>();
    const auto named = std::find(names_.begin(), names_.end(), truth ? "true" : "false");
    return read_text(named != names_.end() ? *named : truth ? "1" : "0", where);
  }
  if (value.is_number_integer()) return read_text(value.dump(), where);
  if (value.is_number_float()) {
    const double number = value.get<double>();
    // 1.0 is class 1 in files that a data frame wrote.
    const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
    if (!is_regression_ && whole) {
      return read_text(std::to_string(static_cast<std::int64_t>(number)), where);
    }
    return read_text(format_number(number), where);
  }
  return invalid_argument(where + ": the label " + value.dump() +
                          " is neither text nor number. Correct the row.");
}

Status check_every_class_occurs(const TaskSpec& task, const std::vector<std::int64_t>& counts,
                                const std::string& source) {
  for (std::size_t i = 0; i < task.labels.size(); ++i) {
    if (counts[i] > 0) continue;
    return invalid_argument("Task \"" + task.name + "\": no row of " + source +
                            " has the class \"" + task.labels[i] +
                            "\". Check the spelling of the task's labels, or remove the class.");
  }
  return {};
}

}  // namespace plateau::trainer
