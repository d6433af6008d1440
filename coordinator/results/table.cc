#include "coordinator/results/table.h"

#include <algorithm>
#include <functional>
#include <set>

#include "coordinator/results/notes.h"

namespace plateau::results {
namespace {

constexpr char kNothing[] = "–";

// The cells of one line of the table: one a task, nullptr where the sweep has none.
struct Line {
  std::vector<const Cell*> by_task;
  const Cell* first = nullptr;
};

std::vector<Line> lines(const Summary& summary) {
  std::vector<Line> all;
  for (const Cell& cell : summary.cells) {
    const auto same = [&](const Line& line) {
      return line.first->base == cell.base && line.first->method == cell.method &&
             line.first->rank == cell.rank && line.first->settings == cell.settings;
    };
    std::size_t task = 0;
    while (summary.tasks[task].name != cell.task)
      ++task;
    auto found = std::find_if(all.begin(), all.end(), [&](const Line& line) {
      return same(line) && line.by_task[task] == nullptr;
    });
    if (found == all.end()) {
      all.push_back({std::vector<const Cell*>(summary.tasks.size(), nullptr), &cell});
      found = std::prev(all.end());
    }
    found->by_task[task] = &cell;
  }
  return all;
}

// What the seeds without a value are: "failed", or "1 failed, 1 diverged" when they differ.
std::string states_of(const Cell& cell) {
  std::vector<std::string> parts;
  for (TrialState state : {TrialState::kDiverged, TrialState::kFailed, TrialState::kStopped,
                           TrialState::kRunning, TrialState::kQueued}) {
    const std::size_t count = cell.count(state);
    if (count == 0) continue;
    const std::string word = state_word(state);
    parts.push_back(count == cell.planned() ? word : std::to_string(count) + " " + word);
  }
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text.empty() ? "no value" : text;
}

std::string share_of_seeds(const Cell& cell) {
  return std::to_string(cell.with_value()) + "/" + std::to_string(cell.planned());
}

Entry value_entry(const Cell* cell) {
  if (cell == nullptr) return {kNothing, "", "", Mark::kNone};
  if (!cell->mean) return {states_of(*cell), "", share_of_seeds(*cell), Mark::kNone};
  const MetricStyle& style = cell->metric;
  Entry entry;
  entry.text = format_fixed(style.factor * *cell->mean, style.decimals);
  if (cell->standard_deviation) {
    entry.spread = format_fixed(style.factor * *cell->standard_deviation, style.decimals);
  }
  if (!cell->complete()) entry.remark = share_of_seeds(*cell) + ", " + states_of(*cell);
  return entry;
}

std::string join_different(const Line& line, const std::function<std::string(const Cell&)>& text) {
  std::string joined;
  std::string last;
  for (const Cell* cell : line.by_task) {
    if (cell == nullptr) continue;
    const std::string one = text(*cell);
    if (one == last) continue;
    joined += (joined.empty() ? "" : " / ") + one;
    last = one;
  }
  return joined.empty() ? kNothing : joined;
}

// One task: finished of planned. Several: only what was planned, since each value says itself
// when seeds are missing.
std::string seeds_text(const Line& line) {
  if (line.by_task.size() == 1) {
    const Cell& cell = *line.first;
    return cell.complete() ? std::to_string(cell.planned()) : share_of_seeds(cell);
  }
  std::set<std::size_t> planned;
  for (const Cell* cell : line.by_task) {
    if (cell != nullptr) planned.insert(cell->planned());
  }
  const std::string low = std::to_string(*planned.begin());
  return planned.size() == 1 ? low : low + "–" + std::to_string(*planned.rbegin());
}

std::string parameters_text(const Line& line) {
  return join_different(line, [](const Cell& cell) {
    return cell.adapter_parameters ? format_count(*cell.adapter_parameters) : kNothing;
  });
}

std::string percent_text(const Line& line) {
  return join_different(line, [](const Cell& cell) -> std::string {
    if (!cell.adapter_parameters || cell.base_parameters.value_or(0) == 0) return kNothing;
    const double percent = 100.0 * static_cast<double>(*cell.adapter_parameters) /
                           static_cast<double>(*cell.base_parameters);
    if (*cell.adapter_parameters == 0) return "0";
    return format_fixed(percent, percent < 0.1 ? 3 : 2);
  });
}

std::string rate_text(const Line& line) {
  if (line.first->is_baseline) return kNothing;
  return join_different(line, [](const Cell& cell) { return format_rate(cell.learning_rate); });
}

std::vector<std::string> setting_columns(const Summary& summary) {
  std::vector<std::string> names;
  for (const std::string& name : summary.setting_names) {
    if (name != "optimizer.learning_rate") names.push_back(name);
  }
  return names;
}

std::string setting_value(const Cell& cell, const std::string& name) {
  for (const Setting& setting : cell.settings) {
    if (setting.name == name && !setting.value.empty()) return setting.value;
  }
  return kNothing;
}

std::vector<Column> make_columns(const Summary& summary) {
  std::vector<Column> columns;
  if (summary.bases.size() > 1) columns.push_back({"Base"});
  columns.push_back({"Adapter"});
  columns.push_back({"Rank", /*is_number=*/true});
  for (const std::string& name : setting_columns(summary)) {
    columns.push_back({short_setting_name(name), /*is_number=*/true});
  }
  columns.push_back({"Learning rate", /*is_number=*/true});
  columns.push_back({"Params", /*is_number=*/true});
  columns.push_back({"% of base", /*is_number=*/true});
  for (const TaskSummary& task : summary.tasks) {
    columns.push_back(
        {task.name + ": " + metric_header(task.metric), /*is_number=*/true, /*is_value=*/true});
  }
  columns.push_back({"Seeds", /*is_number=*/true});
  return columns;
}

Row make_row(const Summary& summary, const Line& line) {
  const Cell& cell = *line.first;
  Row row;
  const auto add = [&](std::string text) { row.entries.push_back({std::move(text), "", "", {}}); };
  if (summary.bases.size() > 1) add(cell.base);
  add(cell.title);
  add(cell.rank ? std::to_string(*cell.rank) : kNothing);
  for (const std::string& name : setting_columns(summary))
    add(setting_value(cell, name));
  add(rate_text(line));
  add(parameters_text(line));
  add(percent_text(line));
  for (const Cell* value : line.by_task)
    row.entries.push_back(value_entry(value));
  add(seeds_text(line));
  return row;
}

// Marks one column among the lines of one base. Compared is what is printed, so that two equal
// numbers never carry different marks.
void mark_column(const std::vector<Line>& all, std::vector<Row>& rows, const std::string& base,
                 std::size_t task, std::size_t column) {
  const auto candidate = [&](std::size_t i) -> const Cell* {
    const Cell* cell = all[i].by_task[task];
    const bool takes_part =
        cell != nullptr && all[i].first->base == base && cell->mean && cell->complete();
    return takes_part ? cell : nullptr;
  };
  std::set<double> values;
  bool higher_is_better = true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Cell* cell = candidate(i);
    if (cell == nullptr) continue;
    higher_is_better = cell->metric.higher_is_better;
    values.insert(std::stod(rows[i].entries[column].text));
  }
  std::vector<double> ranked(values.begin(), values.end());
  if (higher_is_better) std::reverse(ranked.begin(), ranked.end());
  for (std::size_t i = 0; i < all.size() && ranked.size() > 1; ++i) {
    if (candidate(i) == nullptr) continue;
    Entry& entry = rows[i].entries[column];
    const double value = std::stod(entry.text);
    if (value == ranked[0]) entry.mark = Mark::kBest;
    if (value == ranked[1]) entry.mark = Mark::kSecond;
  }
}

}  // namespace

std::string mark_note(const std::string& best, const std::string& second) {
  return "Best value of a column " + best + ", second best " + second +
         "; values that print alike share the mark, and a mark is no claim of significance.";
}

bool has_marks(const Table& table) {
  for (const Row& row : table.rows) {
    for (const Entry& entry : row.entries) {
      if (entry.mark != Mark::kNone) return true;
    }
  }
  return false;
}

Table build_table(const Summary& summary) {
  Table table;
  table.title = summary.run;
  table.columns = make_columns(summary);
  const std::vector<Line> all = lines(summary);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Row row = make_row(summary, all[i]);
    row.starts_group = i > 0 && (all[i].first->base != all[i - 1].first->base ||
                                 all[i].first->is_baseline != all[i - 1].first->is_baseline ||
                                 all[i].first->method != all[i - 1].first->method);
    const bool both_baselines = i > 0 && all[i].first->is_baseline && all[i - 1].first->is_baseline;
    if (both_baselines && all[i].first->base == all[i - 1].first->base) row.starts_group = false;
    table.rows.push_back(std::move(row));
  }
  std::size_t first_value = 0;
  while (!table.columns[first_value].is_value && first_value + 1 < table.columns.size())
    ++first_value;
  for (std::size_t task = 0; task < summary.tasks.size(); ++task) {
    for (const BaseSummary& base : summary.bases) {
      mark_column(all, table.rows, base.name, task, first_value + task);
    }
  }
  table.notes = table_notes(summary);
  return table;
}

}  // namespace plateau::results
