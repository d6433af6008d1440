#include "coordinator/results/side_columns.h"

#include <algorithm>
#include <functional>
#include <set>

#include "common/base/text.h"
#include "coordinator/results/protocol.h"

namespace plateau::results {
namespace {

constexpr char kNothing[] = "–";
constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr double kSecondsPerHour = 3600.0;

std::string join_different(const Line& line, const std::function<std::string(const Cell&)>& text) {
  std::string joined;
  std::string last;
  for (const Cell* cell : line.by_column) {
    if (cell == nullptr) continue;
    const std::string one = text(*cell);
    if (one == last) continue;
    joined += (joined.empty() ? "" : " / ") + one;
    last = one;
  }
  return joined.empty() ? kNothing : joined;
}

// Three significant digits, no exponent: 0.00412, 3.07, 118.
std::string short_number(double value) {
  if (value == 0.0) return "0";
  int decimals = 2;
  for (double limit = 1.0; value < limit && decimals < 6; limit /= 10)
    ++decimals;
  if (value >= 10.0) decimals = 1;
  if (value >= 100.0) decimals = 0;
  return format_fixed(value, decimals);
}

std::string percent_text(const Cell& cell) {
  if (!cell.adapter_parameters || cell.base_parameters.value_or(0) == 0) return kNothing;
  if (*cell.adapter_parameters == 0) return "0";
  const double percent = 100.0 * static_cast<double>(*cell.adapter_parameters) /
                         static_cast<double>(*cell.base_parameters);
  return format_fixed(percent, percent < 0.1 ? 3 : 2);
}

// One column: finished of planned. Several: only what was planned, since each value says itself
// when seeds are missing.
std::string seeds_text(const Line& line) {
  if (line.by_column.size() == 1) {
    const Cell& cell = *line.first;
    return cell.complete()
               ? std::to_string(cell.planned())
               : std::to_string(cell.with_value()) + "/" + std::to_string(cell.planned());
  }
  std::set<std::size_t> planned;
  for (const Cell* cell : line.by_column) {
    if (cell != nullptr) planned.insert(cell->planned());
  }
  const std::string low = std::to_string(*planned.begin());
  return planned.size() == 1 ? low : low + "–" + std::to_string(*planned.rbegin());
}

bool all_gpus(const Summary& summary) {
  const auto& names = summary.device_names;
  return !names.empty() && std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("cuda");
  });
}

// One number of a cell; nullopt: not known, or a text.
std::optional<double> number_of(const Cell& cell, Show show) {
  const auto as_double = [](const std::optional<std::int64_t>& value) {
    return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
  };
  switch (show) {
    case Show::kLearningRate:
      return cell.is_baseline ? std::nullopt : std::optional<double>(cell.learning_rate);
    case Show::kParams:
    case Show::kPercent:
      return as_double(cell.adapter_parameters);
    case Show::kTime:
      return cell.train_seconds;
    case Show::kMemory:
      return as_double(cell.peak_memory_bytes);
    case Show::kBaseMemory:
      return as_double(cell.base_bytes);
    case Show::kGpuHours:
      return cell.total_seconds / kSecondsPerHour;
    case Show::kSize:
      return as_double(cell.adapter_bytes);
    case Show::kSeeds:
      return static_cast<double>(cell.planned());
    case Show::kScaling:
    case Show::kProtocol:
    case Show::kAverage:
      break;
  }
  return std::nullopt;
}

double total_hours(const Line& line) {
  double seconds = 0.0;
  for (const Cell* cell : line.by_column)
    seconds += cell == nullptr ? 0.0 : cell->total_seconds;
  return seconds / kSecondsPerHour;
}

std::string measured_text(const Cell& cell, Show show) {
  const auto value = number_of(cell, show);
  if (!value || (cell.is_baseline && *value == 0.0)) return kNothing;
  return short_number(show == Show::kTime ? *value : *value / kMebibyte);
}

}  // namespace

std::string mebibytes_text(const std::optional<std::int64_t>& bytes) {
  if (bytes.value_or(0) == 0) return kNothing;
  return short_number(static_cast<double>(*bytes) / kMebibyte);
}

std::string protocol_letter(const std::vector<std::string>& mixed, const std::string& protocol) {
  const auto found = std::find(mixed.begin(), mixed.end(), protocol);
  if (found == mixed.end()) return kNothing;
  const auto place = static_cast<std::size_t>(found - mixed.begin());
  return place < 26 ? std::string(1, static_cast<char>('a' + place)) : std::to_string(place + 1);
}

std::vector<Show> default_shows(const Summary& summary, const Pivot& pivot) {
  std::vector<Show> all;
  const bool by_task = pivot.columns == std::vector<std::string>{"task"};
  if (!mixed_protocols(summary).empty()) all.push_back(Show::kProtocol);
  if (by_task) {
    const bool scaled = std::any_of(summary.cells.begin(), summary.cells.end(),
                                    [](const Cell& cell) { return !cell.scaling.empty(); });
    if (scaled && !pivot.has_row("scaling")) all.push_back(Show::kScaling);
    if (!pivot.has_row("learning_rate")) all.push_back(Show::kLearningRate);
    all.push_back(Show::kParams);
    all.push_back(Show::kPercent);
    if (pivot.labels.size() > 1) all.push_back(Show::kAverage);
  }
  all.push_back(Show::kSeeds);
  return all;
}

std::string side_header(const Summary& summary, Show show) {
  switch (show) {
    case Show::kScaling:
      return "Scaling";
    case Show::kLearningRate:
      return "Learning rate";
    case Show::kParams:
      return "Params";
    case Show::kPercent:
      return "% of base";
    case Show::kTime:
      return "Time (s)";
    case Show::kMemory:
      return "Peak memory (MiB)";
    case Show::kBaseMemory:
      return "Base (MiB)";
    case Show::kGpuHours:
      return all_gpus(summary) ? "GPU-hours" : "Device-hours";
    case Show::kSize:
      return "Size (MiB)";
    case Show::kProtocol:
      return "Protocol";
    case Show::kAverage:
      return "Average ↑";
    case Show::kSeeds:
      return "Seeds";
  }
  return "";
}

std::string side_text(const std::vector<std::string>& mixed, const Line& line, Show show) {
  switch (show) {
    case Show::kScaling:
      return join_different(
          line, [](const Cell& cell) { return cell.scaling.empty() ? kNothing : cell.scaling; });
    case Show::kLearningRate:
      return join_different(line, [](const Cell& cell) {
        return cell.is_baseline ? kNothing : format_rate(cell.learning_rate);
      });
    case Show::kParams:
      return join_different(line, [](const Cell& cell) {
        return cell.adapter_parameters ? format_count(*cell.adapter_parameters) : kNothing;
      });
    case Show::kPercent:
      return join_different(line, percent_text);
    case Show::kTime:
    case Show::kMemory:
    case Show::kBaseMemory:
    case Show::kSize:
      return join_different(line, [&](const Cell& cell) { return measured_text(cell, show); });
    case Show::kGpuHours:
      return line.first->is_baseline ? kNothing : short_number(total_hours(line));
    case Show::kProtocol:
      return join_different(line, [&](const Cell& cell) {
        return cell.is_baseline ? kNothing : protocol_letter(mixed, cell.protocol);
      });
    case Show::kSeeds:
      return seeds_text(line);
    case Show::kAverage:
      break;
  }
  return kNothing;
}

std::optional<double> side_number(const Line& line, Show show) {
  if (show == Show::kGpuHours) return total_hours(line);
  for (const Cell* cell : line.by_column) {
    if (cell == nullptr) continue;
    if (const auto value = number_of(*cell, show)) return value;
  }
  return std::nullopt;
}

std::vector<std::string> side_notes(const Summary& summary, const std::vector<Show>& shown) {
  const auto has = [&](Show show) {
    return std::find(shown.begin(), shown.end(), show) != shown.end();
  };
  std::vector<std::string> notes;
  std::vector<std::string> cost;
  if (has(Show::kTime)) cost.push_back("time is training alone, the mean of the finished trials");
  if (has(Show::kMemory)) {
    cost.push_back(
        "peak memory is the largest of the finished trials, and of all that trained "
        "side by side with it on one device");
  }
  if (has(Show::kBaseMemory)) {
    cost.push_back(
        "base is the frozen model in memory, in its precision or in a few bits a value, which "
        "trials side by side share");
  }
  if (has(Show::kGpuHours)) {
    cost.push_back(side_header(summary, Show::kGpuHours) +
                   " are the training times of all finished trials of the row added up, trials "
                   "that shared a device counted each");
  }
  if (has(Show::kSize)) cost.push_back("size is the adapter's file on disk");
  if (!cost.empty()) notes.push_back("Cost: " + join(cost, "; ") + ".");
  const std::vector<std::string> mixed = mixed_protocols(summary);
  if (has(Show::kProtocol) && !mixed.empty()) {
    std::string note = "Protocols: ";
    for (std::size_t i = 0; i < mixed.size(); ++i) {
      note += (i == 0 ? "" : "; ") + protocol_letter(mixed, mixed[i]) + ": " + mixed[i];
    }
    notes.push_back(note + ". Best and second best are marked within each.");
  }
  return notes;
}

}  // namespace plateau::results
