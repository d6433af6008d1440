#include "coordinator/results/selection.h"

#include <algorithm>
#include <set>

namespace plateau::results {
namespace {

std::string last_part(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

std::vector<std::string> names_in(const nlohmann::json& report) {
  std::vector<std::string> names;
  if (!report.is_object() || !report.contains("select")) return names;
  const nlohmann::json& select = report["select"];
  if (!select.is_object() || !select.contains("over") || !select["over"].is_array()) return names;
  for (const nlohmann::json& name : select["over"]) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

bool selects(const std::vector<std::string>& over, const Setting& setting) {
  return std::find(over.begin(), over.end(), last_part(setting.name)) != over.end();
}

std::vector<Setting> part_of(const Cell& cell, const std::vector<std::string>& over, bool chosen) {
  std::vector<Setting> part;
  for (const Setting& setting : cell.settings) {
    if (selects(over, setting) == chosen) part.push_back(setting);
  }
  return part;
}

std::string name_of(const Cell& cell) {
  return cell.title + (cell.rank ? " r=" + std::to_string(*cell.rank) : "") + " on " + cell.task;
}

std::optional<double> validation_mean(const Cell& cell) {
  std::vector<double> values;
  for (const SeedResult& seed : cell.seeds) {
    if (!seed.validation) return std::nullopt;
    values.push_back(*seed.validation);
  }
  if (values.empty()) return std::nullopt;
  return mean_of(values);
}

// The place of the best cell in `group`, or nullopt while none is complete.
std::optional<std::size_t> best_of(const std::vector<const Cell*>& group) {
  std::optional<std::size_t> best;
  double best_mean = 0.0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto mean = validation_mean(*group[i]);
    if (!mean || !group[i]->complete()) continue;
    const bool better = group[i]->metric.higher_is_better ? *mean > best_mean : *mean < best_mean;
    if (!best || better) {
      best = i;
      best_mean = *mean;
    }
  }
  return best;
}

// "optimizer.learning_rate" of the chosen cell is the smallest or largest number tried.
bool at_edge(const std::vector<const Cell*>& group, const Cell& chosen,
             const std::vector<std::string>& over) {
  for (const Setting& setting : part_of(chosen, over, /*chosen=*/true)) {
    std::set<double> tried;
    for (const Cell* cell : group) {
      for (const Setting& other : cell->settings) {
        char* end = nullptr;
        const double value = std::strtod(other.value.c_str(), &end);
        if (other.name == setting.name && *end == '\0' && !other.value.empty()) tried.insert(value);
      }
    }
    const double value = std::strtod(setting.value.c_str(), nullptr);
    if (tried.size() > 1 && (value == *tried.begin() || value == *tried.rbegin())) return true;
  }
  return false;
}

bool same_group(const Cell& a, const Cell& b, const std::vector<std::string>& over) {
  return a.base == b.base && a.task == b.task && a.method == b.method && a.rank == b.rank &&
         part_of(a, over, false) == part_of(b, over, false);
}

}  // namespace

void select_on_validation(const nlohmann::json& report, Summary& summary) {
  Selection selection;
  selection.over = names_in(report);
  if (selection.over.empty()) return;
  std::vector<bool> kept(summary.cells.size(), true);
  std::vector<bool> seen(summary.cells.size(), false);
  for (std::size_t i = 0; i < summary.cells.size(); ++i) {
    if (seen[i] || summary.cells[i].is_baseline) continue;
    std::vector<const Cell*> group;
    std::vector<std::size_t> places;
    for (std::size_t j = i; j < summary.cells.size(); ++j) {
      if (summary.cells[j].is_baseline) continue;
      if (!same_group(summary.cells[i], summary.cells[j], selection.over)) continue;
      group.push_back(&summary.cells[j]);
      places.push_back(j);
      seen[j] = true;
    }
    if (group.size() < 2) continue;
    const auto best = best_of(group);
    if (!best) {
      selection.open.push_back(name_of(*group.front()));
      continue;
    }
    ++selection.groups;
    selection.candidates += group.size();
    if (at_edge(group, *group[*best], selection.over)) {
      selection.at_edge.push_back(name_of(*group[*best]));
    }
    for (std::size_t k = 0; k < places.size(); ++k)
      kept[places[k]] = k == *best;
  }
  std::vector<Cell> chosen;
  for (std::size_t i = 0; i < summary.cells.size(); ++i) {
    (kept[i] ? chosen : summary.not_selected).push_back(std::move(summary.cells[i]));
  }
  summary.cells = std::move(chosen);
  // While a group is open its cells are told apart by what is being selected, so it stays a
  // setting of every row.
  if (selection.open.empty()) {
    for (Cell& cell : summary.cells) {
      cell.selected = part_of(cell, selection.over, true);
      cell.settings = part_of(cell, selection.over, false);
    }
    auto& names = summary.setting_names;
    names.erase(std::remove_if(names.begin(), names.end(),
                               [&](const std::string& name) {
                                 return selects(selection.over, Setting{name, ""});
                               }),
                names.end());
  }
  summary.selection = std::move(selection);
}

}  // namespace plateau::results
