#include "coordinator/results/pivot.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"

namespace plateau::results {
namespace {

// What a cell is told apart by. The learning rate of a cell that was chosen out of several is the
// cell's own, so it is read from there.
std::string key_of(const Cell& cell, const std::string& dimension) {
  if (dimension == "scaling") return cell.scaling;
  if (dimension == "protocol") return cell.protocol;
  for (const Setting& setting : cell.settings) {
    if (setting.name == dimension && !cell.is_baseline) return setting.value;
  }
  return dimension_of(cell.example, dimension).value_or("");
}

std::string keys_of(const Cell& cell, const std::vector<std::string>& dimensions) {
  std::string key;
  for (const std::string& dimension : dimensions)
    key += key_of(cell, dimension) + "\n";
  return key;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A path and its last part are one dimension.
bool same_dimension(const std::string& a, const std::string& b) {
  return a.substr(a.rfind('.') + 1) == b.substr(b.rfind('.') + 1);
}

bool among(const std::vector<std::string>& all, const std::string& one) {
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& other) { return same_dimension(other, one); });
}

std::vector<std::string> all_dimensions(const Summary& summary) {
  std::vector<std::string> all{"base", "task", "adapter", "rank"};
  all.insert(all.end(), summary.setting_names.begin(), summary.setting_names.end());
  return all;
}

std::string column_label(const Cell& cell, const std::vector<std::string>& dimensions) {
  std::vector<std::string> parts;
  for (const std::string& dimension : dimensions) {
    const std::string text = printed_dimension(cell, dimension);
    if (dimension == "rank") {
      parts.push_back(text == "–" ? "no rank" : "r=" + text);
    } else if (dimension == "task" || dimension == "base" || dimension == "adapter") {
      parts.push_back(text);
    } else {
      parts.push_back(short_setting_name(dimension) + " " + text);
    }
  }
  return join(parts, ", ");
}

// Where two cells meet: what differs between them, in the words of the flags.
Error meeting(const Summary& summary, const Cell& a, const Cell& b) {
  std::vector<std::string> differ;
  for (const std::string& dimension : all_dimensions(summary)) {
    if (key_of(a, dimension) != key_of(b, dimension)) {
      differ.push_back(dimension.substr(dimension.rfind('.') + 1));
    }
  }
  return invalid_argument(
      "two cells would share one place of the table, and nothing is averaged "
      "in silence: they differ in " +
      (differ.empty() ? "nothing that a table shows" : join(differ, ", ")) +
      ". Make it a row or a column, or choose one value with a filter.");
}

Status check_dimensions(const Summary& summary, const TableSpec& spec) {
  std::vector<std::string> all = spec.rows;
  all.insert(all.end(), spec.columns.begin(), spec.columns.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (same_dimension(all[i], all[k])) {
        return invalid_argument("'" + all[i] + "' is asked for twice among rows and columns.");
      }
    }
    const bool there =
        std::any_of(summary.cells.begin(), summary.cells.end(), [&](const Cell& cell) {
          return all[i] == "scaling" || all[i] == "protocol" ||
                 (all[i] != "seed" && dimension_of(cell.example, all[i]).has_value());
        });
    if (!there) {
      return invalid_argument("no cell of the run has a '" + all[i] +
                              "' for rows or columns; base, task, adapter, rank, scaling, "
                              "protocol and the trial's settings (learning_rate, ...) are there.");
    }
  }
  return {};
}

// A baseline's base is a fact of the run, not a choice, so it stands where it was put.
std::vector<std::string> default_rows(const Summary& summary, const TableSpec& spec) {
  std::vector<std::string> rows;
  for (const std::string& dimension : all_dimensions(summary)) {
    if (!among(spec.columns, dimension)) rows.push_back(dimension);
  }
  return rows;
}

std::size_t column_of(Pivot& pivot, std::map<std::string, std::size_t>& places, const Cell& cell) {
  const std::string key = keys_of(cell, pivot.columns);
  const auto [place, is_new] = places.emplace(key, pivot.labels.size());
  if (is_new) {
    pivot.labels.push_back(column_label(cell, pivot.columns));
    pivot.metrics.push_back(cell.metric);
  }
  return place->second;
}

// Columns in the order of the tasks of the run where they are tasks; else in the order of the
// cells, which go by base, adapter and rank. A baseline without what the columns are about (a rank)
// comes last, as a column of its own.
std::vector<const Cell*> in_column_order(const Summary& summary, const Pivot& pivot) {
  std::vector<const Cell*> cells;
  for (const Cell& cell : summary.cells)
    cells.push_back(&cell);
  const auto task_place = [&](const Cell* cell) {
    std::size_t place = 0;
    while (place < summary.tasks.size() && summary.tasks[place].name != cell->task)
      ++place;
    return place;
  };
  const bool by_task = contains(pivot.columns, "task");
  std::stable_sort(cells.begin(), cells.end(), [&](const Cell* a, const Cell* b) {
    if (by_task && task_place(a) != task_place(b)) return task_place(a) < task_place(b);
    for (const std::string& dimension : pivot.columns) {
      if (dimension == "task" || dimension == "base" || dimension == "adapter") continue;
      const std::string x = key_of(*a, dimension);
      const std::string y = key_of(*b, dimension);
      if (x.empty() != y.empty()) return y.empty();
      if (value_less(x, y) != value_less(y, x)) return value_less(x, y);
    }
    return false;
  });
  return cells;
}

}  // namespace

bool Pivot::has_row(const std::string& dimension) const {
  return contains(rows, dimension);
}

std::string printed_dimension(const Cell& cell, const std::string& dimension) {
  if (dimension == "adapter") return cell.title;
  const bool is_choice = dimension != "base" && dimension != "task" && dimension != "rank";
  if (cell.is_baseline && is_choice) return "–";
  const std::string key = key_of(cell, dimension);
  if (same_dimension(dimension, "learning_rate")) return format_rate(cell.learning_rate);
  return key.empty() ? "–" : key;
}

Result<Pivot> pivot(const Summary& summary, const TableSpec& spec) {
  Pivot result;
  result.columns = spec.columns;
  if (Status status = check_dimensions(summary, spec); !status) return status.error();
  result.rows = spec.rows.empty() ? default_rows(summary, spec) : spec.rows;
  std::map<std::string, std::size_t> places;
  for (const Cell* cell : in_column_order(summary, result))
    column_of(result, places, *cell);

  // Rows in the order of the cells. Baselines have no settings, so they are told apart by less.
  std::map<std::string, std::size_t> rows;
  for (const Cell& cell : summary.cells) {
    const std::size_t column = column_of(result, places, cell);
    std::string key = cell.is_baseline ? "baseline\n" : "";
    for (const std::string& dimension : result.rows)
      key +=
          (cell.is_baseline ? printed_dimension(cell, dimension) : key_of(cell, dimension)) + "\n";
    const auto [place, is_new] = rows.emplace(key, result.lines.size());
    if (is_new) {
      result.lines.push_back({std::vector<const Cell*>(result.labels.size(), nullptr), &cell});
    }
    const Cell*& there = result.lines[place->second].by_column[column];
    if (there != nullptr) return meeting(summary, *there, cell);
    there = &cell;
  }
  return result;
}

}  // namespace plateau::results
