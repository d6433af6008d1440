#include "coordinator/results/table.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <set>

#include "coordinator/results/estimate.h"
#include "coordinator/results/marks.h"
#include "coordinator/results/notes.h"
#include "coordinator/results/pivot.h"
#include "coordinator/results/protocol.h"
#include "coordinator/results/side_columns.h"

namespace plateau::results {
namespace {

constexpr char kNothing[] = "–";

// What a table is built from, and where its columns stand.
struct Plan {
  const Summary& summary;
  const TableSpec& spec;
  std::vector<std::string> mixed;  // protocols
  Pivot pivot;
  std::vector<Show> before;  // the values
  std::vector<Show> after;
  bool average = false;
};

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

// Numbers in printed units as an entry's text, spread and range.
Entry estimate_entry(const std::vector<double>& values, const MetricStyle& style,
                     Aggregate aggregate, const std::string& name) {
  Entry entry;
  const auto result = estimate(values, aggregate, name);
  if (!result) return {kNothing};
  entry.text = format_fixed(style.factor * result->center, style.decimals);
  if (result->half) entry.spread = format_fixed(style.factor * *result->half, style.decimals);
  if (result->interval) {
    entry.range = "[" + format_fixed(style.factor * result->interval->low, style.decimals) + ", " +
                  format_fixed(style.factor * result->interval->high, style.decimals) + "]";
  }
  return entry;
}

std::vector<double> values_of(const Cell& cell) {
  std::vector<double> values;
  for (const SeedResult& seed : cell.seeds) {
    if (seed.value) values.push_back(*seed.value);
  }
  return values;
}

Entry value_entry(const Cell* cell, Aggregate aggregate) {
  if (cell == nullptr) return {kNothing};
  if (!cell->mean) return {states_of(*cell), "", "", share_of_seeds(*cell)};
  Entry entry = estimate_entry(values_of(*cell), cell->metric, aggregate, cell->key);
  if (!cell->complete()) entry.remark = share_of_seeds(*cell) + ", " + states_of(*cell);
  if (cell->collapsed() > 0) {
    const std::string count = std::to_string(cell->collapsed());
    entry.remark += (entry.remark.empty() ? "" : ", ") +
                    (cell->collapsed() == cell->planned() ? "collapsed" : count + " collapsed");
  }
  return entry;
}

bool sound(const Cell* cell) {
  return cell != nullptr && cell->mean && cell->complete() && cell->collapsed() == 0;
}

// The mean over the columns, seed by seed where all have the same seeds. nullopt where a value is
// missing: an average over fewer tasks is another number.
std::optional<std::map<std::uint64_t, double>> average_of(const Line& line) {
  std::map<std::uint64_t, double> sums;
  const auto count = static_cast<double>(line.by_column.size());
  bool same_seeds = true;
  for (const Cell* cell : line.by_column) {
    if (!sound(cell)) return std::nullopt;
    same_seeds = same_seeds && cell->seeds.size() == line.first->seeds.size();
    for (std::size_t i = 0; same_seeds && i < cell->seeds.size(); ++i)
      same_seeds = cell->seeds[i].seed == line.first->seeds[i].seed;
  }
  for (const Cell* cell : line.by_column) {
    const double factor = cell->metric.factor / count;
    if (!same_seeds) {
      sums[0] += factor * *cell->mean;
      continue;
    }
    for (const SeedResult& seed : cell->seeds)
      sums[seed.seed] += factor * *seed.value;
  }
  return sums;
}

// Only what is printed in the same unit and the same direction has an average.
bool has_average(const Pivot& pivot) {
  return pivot.metrics.size() > 1 &&
         std::all_of(pivot.metrics.begin(), pivot.metrics.end(), [&](const MetricStyle& metric) {
           return metric.factor == pivot.metrics.front().factor && metric.higher_is_better;
         });
}

MetricStyle average_style(const Pivot& pivot) {
  MetricStyle style = pivot.metrics.front();
  style.factor = 1.0;  // done seed by seed
  return style;
}

Entry average_entry(const Plan& plan, const Line& line) {
  const auto average = average_of(line);
  if (!average) return {kNothing};
  std::vector<double> values;
  for (const auto& [seed, value] : *average)
    values.push_back(value);
  return estimate_entry(values, average_style(plan.pivot), plan.spec.aggregate,
                        "average of " + line.first->key);
}

bool is_shown_row(const Summary& summary, const TableSpec& spec, const std::string& dimension) {
  // Left out unless asked for: one base says nothing, and the learning rate has its own column.
  if (!spec.rows.empty()) return true;
  if (dimension == "base") return summary.bases.size() > 1;
  return dimension != "optimizer.learning_rate";
}

std::string row_header(const std::string& dimension) {
  std::string header = short_setting_name(dimension);
  if (header == dimension && !header.empty()) {
    header[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(header[0])));
  }
  return dimension == "learning_rate" ? "Learning rate" : header;
}

std::vector<std::string> shown_rows(const Plan& plan) {
  std::vector<std::string> shown;
  for (const std::string& dimension : plan.pivot.rows) {
    if (is_shown_row(plan.summary, plan.spec, dimension)) shown.push_back(dimension);
  }
  return shown;
}

// Where tasks are rows, a column may hold several metrics; the first note names them all.
bool one_metric(const Pivot& pivot, std::size_t column) {
  for (const Line& line : pivot.lines) {
    const Cell* cell = line.by_column[column];
    if (cell != nullptr && cell->metric.name != pivot.metrics[column].name) return false;
  }
  return true;
}

std::vector<Column> make_columns(const Plan& plan) {
  std::vector<Column> columns;
  for (const std::string& dimension : shown_rows(plan)) {
    const bool text = dimension == "base" || dimension == "adapter" || dimension == "task" ||
                      dimension == "scaling" || dimension == "protocol";
    columns.push_back({row_header(dimension), /*is_number=*/!text});
  }
  for (Show show : plan.before)
    columns.push_back({side_header(plan.summary, show), show != Show::kScaling});
  for (std::size_t i = 0; i < plan.pivot.labels.size(); ++i) {
    const std::string metric =
        one_metric(plan.pivot, i) ? ": " + metric_header(plan.pivot.metrics[i]) : "";
    columns.push_back({plan.pivot.labels[i] + metric, /*is_number=*/true, /*is_value=*/true});
  }
  if (plan.average) {
    columns.push_back({side_header(plan.summary, Show::kAverage), /*is_number=*/true,
                       /*is_value=*/false, /*has_spread=*/true});
  }
  for (Show show : plan.after)
    columns.push_back({side_header(plan.summary, show), /*is_number=*/true});
  return columns;
}

Row make_row(const Plan& plan, const Line& line, std::size_t columns) {
  Row row;
  row.entries.reserve(columns);
  for (const std::string& dimension : shown_rows(plan))
    row.entries.push_back({printed_dimension(*line.first, dimension)});
  for (Show show : plan.before)
    row.entries.push_back({side_text(plan.mixed, line, show)});
  for (const Cell* value : line.by_column)
    row.entries.push_back(value_entry(value, plan.spec.aggregate));
  if (plan.average) row.entries.push_back(average_entry(plan, line));
  for (Show show : plan.after)
    row.entries.push_back({side_text(plan.mixed, line, show)});
  return row;
}

// Values of another base, task or protocol are not compared: they are marked apart.
std::string comparable_group(const Plan& plan, const Cell& cell) {
  return cell.base + "\n" + cell.task + "\n" + protocol_letter(plan.mixed, cell.protocol);
}

void mark_values(const Plan& plan, std::vector<Row>& rows, std::size_t first, MarkFacts& facts) {
  for (std::size_t column = 0; column < plan.pivot.labels.size(); ++column) {
    std::map<std::string, std::vector<Candidate>> groups;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Cell* cell = plan.pivot.lines[i].by_column[column];
      if (!sound(cell)) continue;
      Candidate candidate{&rows[i].entries[first + column], {}, cell->metric.higher_is_better};
      for (const SeedResult& seed : cell->seeds)
        candidate.seeds[seed.seed] = *seed.value;
      groups[comparable_group(plan, *cell)].push_back(std::move(candidate));
    }
    for (const auto& [name, candidates] : groups)
      mark_column(candidates, facts);
  }
  if (!plan.average) return;
  std::map<std::string, std::vector<Candidate>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Line& line = plan.pivot.lines[i];
    const auto average = average_of(line);
    if (!average) continue;
    groups[comparable_group(plan, *line.first)].push_back(
        {&rows[i].entries[first + plan.pivot.labels.size()], *average, true});
  }
  for (const auto& [name, candidates] : groups)
    mark_column(candidates, facts);
}

// Rules stand between bases, between baselines and adapters, and between adapters; in rows that the
// user laid out, where the first of several dimensions changes.
bool starts_group(const TableSpec& spec, const Line& before, const Line& line) {
  const Cell& a = *before.first;
  const Cell& b = *line.first;
  if (!spec.rows.empty()) {
    const std::string& first = spec.rows.front();
    return spec.rows.size() > 1 && printed_dimension(a, first) != printed_dimension(b, first);
  }
  if (a.base != b.base || a.is_baseline != b.is_baseline) return true;
  return !b.is_baseline && a.method != b.method;
}

std::string average_note(const Pivot& pivot) {
  std::set<std::string> names;
  for (const MetricStyle& metric : pivot.metrics)
    names.insert(metric.name);
  std::string note =
      "Average: of the tasks, each with the same weight; none where a value is "
      "missing. Its spread is over seeds.";
  if (names.size() > 1) {
    note += " It mixes metrics (";
    bool first = true;
    for (const std::string& name : names) {
      note += (first ? "" : ", ") + name;
      first = false;
    }
    note += ").";
  }
  return note;
}

}  // namespace

bool has_marks(const Table& table) {
  for (const Row& row : table.rows) {
    for (const Entry& entry : row.entries) {
      if (entry.mark != Mark::kNone) return true;
    }
  }
  return false;
}

std::string mark_note(const std::string& best, const std::string& second) {
  return "Best value of a column " + best + ", second best " + second +
         "; values that print alike share the mark, and a mark is no claim of significance.";
}

namespace {

Result<Plan> make_plan(const Summary& summary, const TableSpec& spec) {
  auto laid_out = pivot(summary, spec);
  if (!laid_out) return laid_out.error();
  Plan plan{summary, spec, mixed_protocols(summary), std::move(*laid_out), {}, {}, false};
  const std::vector<Show> shown =
      spec.show.empty() ? default_shows(summary, plan.pivot) : spec.show;
  for (Show show : shown) {
    if (show == Show::kAverage) {
      plan.average = has_average(plan.pivot);
    } else {
      (show == Show::kSeeds ? plan.after : plan.before).push_back(show);
    }
  }
  return plan;
}

// The number that a row is sorted by; nullopt goes last.
using SortKey = std::function<std::optional<double>(const Line&)>;

Result<SortKey> sort_key(const Plan& plan, const std::string& name) {
  for (const auto& [word, show] : shows()) {
    if (word != name) continue;
    if (show != Show::kAverage) {
      return SortKey([show = show](const Line& line) { return side_number(line, show); });
    }
    return SortKey([](const Line& line) -> std::optional<double> {
      const auto average = average_of(line);
      if (!average) return std::nullopt;
      double sum = 0.0;
      for (const auto& [seed, value] : *average)
        sum += value;
      return sum / static_cast<double>(average->size());
    });
  }
  for (std::size_t i = 0; i < plan.pivot.labels.size(); ++i) {
    if (plan.pivot.labels[i] != name) continue;
    return SortKey([i](const Line& line) {
      return line.by_column[i] == nullptr ? std::nullopt : line.by_column[i]->mean;
    });
  }
  std::string labels;
  for (const std::string& label : plan.pivot.labels)
    labels += ", '" + label + "'";
  return invalid_argument("cannot sort by '" + name +
                          "': it is no row's dimension, no column to "
                          "show (params, time, average, ...) and none of the columns" +
                          (labels.empty() ? "" : labels.substr(1)) + ".");
}

// Rows that the user laid out go by their dimensions in the order given: names in the order in
// which the run has them, anything else by value.
void group_lines(Plan& plan) {
  std::map<std::string, std::size_t> seen;
  const auto place_of = [&](const Line& line, const std::string& dimension) {
    const std::string key = dimension + "\n" + printed_dimension(*line.first, dimension);
    return seen.emplace(key, seen.size()).first->second;
  };
  for (const Line& line : plan.pivot.lines) {
    for (const std::string& dimension : plan.spec.rows)
      place_of(line, dimension);
  }
  std::stable_sort(
      plan.pivot.lines.begin(), plan.pivot.lines.end(), [&](const Line& a, const Line& b) {
        for (const std::string& dimension : plan.spec.rows) {
          const std::string x = printed_dimension(*a.first, dimension);
          const std::string y = printed_dimension(*b.first, dimension);
          if (x == y) continue;
          const bool named = dimension == "task" || dimension == "base" || dimension == "adapter";
          return named ? place_of(a, dimension) < place_of(b, dimension) : value_less(x, y);
        }
        return false;
      });
}

Status sort_lines(Plan& plan) {
  if (!plan.spec.rows.empty()) group_lines(plan);
  if (plan.spec.sort.empty()) return {};
  const bool down = plan.spec.sort.front() == '-';
  const std::string name = plan.spec.sort.substr(down ? 1 : 0);
  auto& lines = plan.pivot.lines;
  const auto rows = plan.pivot.rows;
  const bool by_row = std::any_of(rows.begin(), rows.end(), [&](const std::string& row) {
    return row == name || row.substr(row.rfind('.') + 1) == name;
  });
  if (by_row) {
    std::stable_sort(lines.begin(), lines.end(), [&](const Line& a, const Line& b) {
      const std::string x = printed_dimension(*a.first, name);
      const std::string y = printed_dimension(*b.first, name);
      return down ? value_less(y, x) : value_less(x, y);
    });
    return {};
  }
  const auto key = sort_key(plan, name);
  if (!key) return key.error();
  std::stable_sort(lines.begin(), lines.end(), [&](const Line& a, const Line& b) {
    const auto x = (*key)(a);
    const auto y = (*key)(b);
    if (!x || !y) return x.has_value() && !y.has_value();
    return down ? *y < *x : *x < *y;
  });
  return {};
}

void add_notes(const Plan& plan, const MarkFacts& facts, Table& table) {
  const auto add = [&](const std::string& note) {
    if (!note.empty()) table.notes.push_back(note);
  };
  const std::vector<std::string> notes = table_notes(plan.summary, plan.spec.aggregate);
  table.notes.assign(notes.begin(), notes.begin() + 1);
  add(significance_note(facts));
  if (plan.average) add(average_note(plan.pivot));
  for (const std::string& note : side_notes(plan.summary, plan.before))
    add(note);
  table.notes.insert(table.notes.end(), notes.begin() + 1, notes.end());
}

}  // namespace

Result<Table> build_table(const Summary& summary, const TableSpec& spec) {
  const auto mixed = mixed_protocols(summary);
  if (spec.refuse_mixed_protocols && !mixed.empty()) {
    return invalid_argument("the table would mix " + std::to_string(mixed.size()) +
                            " protocols in one column; filter one out, or let them be marked.");
  }
  auto plan = make_plan(summary, spec);
  if (!plan) return plan.error();
  if (Status status = sort_lines(*plan); !status) return status.error();

  Table table;
  table.name = spec.name;
  table.title = spec.title.empty() ? "Results of " + summary.run + "." : spec.title;
  table.columns = make_columns(*plan);
  table.rows.reserve(plan->pivot.lines.size());
  for (std::size_t i = 0; i < plan->pivot.lines.size(); ++i) {
    Row row = make_row(*plan, plan->pivot.lines[i], table.columns.size());
    row.starts_group = i > 0 && spec.sort.empty() &&
                       starts_group(spec, plan->pivot.lines[i - 1], plan->pivot.lines[i]);
    table.rows.push_back(std::move(row));
  }
  MarkFacts facts;
  mark_values(*plan, table.rows, shown_rows(*plan).size() + plan->before.size(), facts);
  add_notes(*plan, facts, table);
  return table;
}

Table build_table(const Summary& summary) {
  auto table = build_table(summary, TableSpec{});
  PLATEAU_CHECK(table.ok(), table.ok() ? "" : table.error().message);
  return std::move(*table);
}

}  // namespace plateau::results
