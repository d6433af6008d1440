#include "coordinator/cli/plan_columns.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/spec/memory_estimate.h"
#include "common/spec/methods.h"

namespace plateau::cli {

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

double share_percent(const ParameterCounts& counts) {
  return 100.0 * static_cast<double>(counts.adapter) / static_cast<double>(counts.base);
}

std::string title_of(const std::string& method) {
  const MethodSchema* schema = find_method(method);
  return schema == nullptr ? method : schema->title;
}

std::string table_text(const std::vector<std::vector<std::string>>& table, std::size_t left) {
  std::vector<std::size_t> widths(table.front().size(), 0);
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : table) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += i < left ? fmt::format("{:<{}}  ", line[i], widths[i])
                      : fmt::format("{:>{}}  ", line[i], widths[i]);
    }
    text += out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string duration_text(double seconds) {
  return format_duration(static_cast<DurationMs>(seconds * 1000));
}

MemoryCost memory_of(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial) {
  const TaskSource& task = loaded.sources.tasks.at(trial.task.name);
  const std::optional<std::int64_t> measured = costs.peak_memory(trial, task);
  if (measured) return {static_cast<double>(*measured), true};
  return {estimate_memory(trial, loaded.sources.bases.at(trial.base.name), task).total(), false};
}

double seconds_of(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial) {
  const BaseSource& base = loaded.sources.bases.at(trial.base.name);
  return costs.seconds(trial,
                       estimate_trial(trial, base, loaded.sources.tasks.at(trial.task.name)));
}

}  // namespace plateau::cli
