#include "coordinator/results/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "common/base/text.h"
#include "common/spec/methods.h"
#include "coordinator/results/collapse.h"
#include "coordinator/results/dimensions.h"
#include "coordinator/results/protocol.h"
#include "coordinator/results/scaling.h"
#include "coordinator/results/selection.h"

namespace plateau::results {
namespace {

std::optional<double> number_parameter(const AdapterSpec& adapter, const char* name) {
  const auto found = adapter.parameters.find(name);
  if (found == adapter.parameters.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string metric_of(const TrialRow& row, const SummaryOptions& options) {
  return options.metric.empty() ? row.trial.task->metric : options.metric;
}

std::optional<double> last_value(const TrialRow& row, const std::string& split,
                                 const std::string& name) {
  std::optional<double> value;
  std::int64_t step = 0;
  for (const MetricValue& metric : row.metrics) {
    if (metric.split != split || metric.name != name) continue;
    if (!value || metric.step >= step) {
      value = metric.value;
      step = metric.step;
    }
  }
  return value;
}

SeedResult seed_result(const TrialRow& row, const SummaryOptions& options) {
  SeedResult result;
  result.trial = row.id;
  result.seed = row.trial.seed;
  result.state = row.state;
  result.reason = row.reason;
  if (row.state == TrialState::kFinished) {
    result.value = last_value(row, options.split, metric_of(row, options));
    result.validation = last_value(row, "validation", row.trial.task->metric);
  }
  return result;
}

Cell new_cell(const TrialRow& row, const SummaryOptions& options) {
  const SharedTrial& trial = row.trial;
  Cell cell;
  cell.key = row.cell;
  cell.base = trial.base->name;
  cell.task = trial.task->name;
  cell.method = trial.adapter->method;
  const MethodSchema* method = find_method(trial.adapter->method);
  cell.title = method != nullptr ? method->title : trial.adapter->method;
  cell.is_baseline = row.is_baseline;
  cell.metric = metric_style(metric_of(row, options));
  cell.learning_rate = trial.optimizer->learning_rate;
  cell.head_learning_rate = trial.optimizer->head_learning_rate;
  cell.alpha = number_parameter(*trial.adapter, "alpha");
  if (const auto rank = number_parameter(*trial.adapter, "rank")) {
    cell.rank = static_cast<std::int64_t>(*rank);
    const auto rslora = trial.adapter->parameters.find("rslora");
    const bool root = rslora != trial.adapter->parameters.end() && *rslora == true;
    if (cell.alpha) cell.scale = *cell.alpha / (root ? std::sqrt(*rank) : *rank);
  }
  cell.example = trial;
  return cell;
}

void add_finished(Cell& cell, const TrialRow& row, double& seconds, std::size_t& finished) {
  cell.adapter_parameters = row.adapter_parameters;
  cell.head_parameters = row.head_parameters;
  if (row.base_parameters > 0) cell.base_parameters = row.base_parameters;
  cell.adapter_bytes = row.adapter_bytes;
  if (row.base_bytes > 0) cell.base_bytes = row.base_bytes;
  cell.peak_memory_bytes = std::max(cell.peak_memory_bytes.value_or(0), row.peak_memory_bytes);
  seconds += row.train_seconds;
  ++finished;
}

Cell make_cell(const std::vector<const TrialRow*>& rows, const SummaryOptions& options) {
  Cell cell = new_cell(*rows.front(), options);
  double seconds = 0.0;
  std::size_t finished = 0;
  std::vector<double> values;
  for (const TrialRow* row : rows) {
    cell.seeds.push_back(seed_result(*row, options));
    if (row->state == TrialState::kFinished) add_finished(cell, *row, seconds, finished);
  }
  std::sort(cell.seeds.begin(), cell.seeds.end(), [](const SeedResult& a, const SeedResult& b) {
    return std::tie(a.seed, a.trial) < std::tie(b.seed, b.trial);
  });
  for (const SeedResult& seed : cell.seeds) {
    if (seed.value) values.push_back(*seed.value);
  }
  cell.total_seconds = seconds;
  if (finished > 0) cell.train_seconds = seconds / static_cast<double>(finished);
  if (!values.empty()) cell.mean = mean_of(values);
  if (values.size() > 1) cell.standard_deviation = standard_deviation_of(values);
  return cell;
}

// A setting is worth a column when it alone tells two cells apart that would else share a row: the
// same base, task, adapter and rank with two values of it. Settings tied to the rank (alpha = 2r)
// or to the adapter (one learning rate each) are not.
std::vector<std::string> telling_settings(const std::vector<Cell>& cells, SettingsReader& reader) {
  using Place = std::tuple<std::string, std::string, std::string, std::int64_t>;
  std::map<Place, std::set<const Flat*>> parts;
  for (const Cell& cell : cells) {
    if (cell.is_baseline) continue;
    const auto settings = reader.of(cell.example);
    parts[{cell.base, cell.task, cell.method, cell.rank.value_or(0)}].insert(settings.begin(),
                                                                             settings.end());
  }
  std::set<std::string> names;
  for (const auto& [place, different] : parts) {
    std::map<std::string, std::string> seen;
    for (const Flat* part : different) {
      for (const auto& [name, value] : *part) {
        if (seen.emplace(name, value).first->second != value) names.insert(name);
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string value_of(const std::array<const Flat*, 5>& settings, const std::string& name) {
  for (const Flat* part : settings) {
    const auto found = part->find(name);
    if (found != part->end()) return found->second;
  }
  return "";
}

void add_settings(Summary& summary) {
  SettingsReader reader;
  summary.setting_names = telling_settings(summary.cells, reader);
  for (Cell& cell : summary.cells) {
    const auto settings = reader.of(cell.example);
    cell.settings.reserve(summary.setting_names.size());
    for (const std::string& name : summary.setting_names)
      cell.settings.push_back({name, cell.is_baseline ? "" : value_of(settings, name)});
  }
}

std::size_t method_order(const std::string& method) {
  const auto& schemas = method_schemas();
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    if (schemas[i].name == method) return i;
  }
  return schemas.size();
}

template <typename Facts>
std::size_t position(const std::vector<Facts>& all, const std::string& name) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return i;
  }
  return all.size();
}

bool settings_less(const std::vector<Setting>& a, const std::vector<Setting>& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const Setting& x, const Setting& y) { return value_less(x.value, y.value); });
}

void sort_cells(Summary& summary) {
  const auto place = [&](const Cell& cell) {
    return std::make_tuple(position(summary.bases, cell.base), cell.is_baseline ? 0 : 1,
                           method_order(cell.method), cell.method, cell.rank.value_or(0));
  };
  std::stable_sort(summary.cells.begin(), summary.cells.end(), [&](const Cell& a, const Cell& b) {
    const auto x = place(a);
    const auto y = place(b);
    if (x != y) return x < y;
    if (settings_less(a.settings, b.settings)) return true;
    if (settings_less(b.settings, a.settings)) return false;
    return position(summary.tasks, a.task) < position(summary.tasks, b.task);
  });
}

void add_facts(Summary& summary, const TrialRow& row, const SummaryOptions& options) {
  const SharedTrial& trial = row.trial;
  const std::size_t base = position(summary.bases, trial.base->name);
  if (base == summary.bases.size()) {
    summary.bases.push_back({trial.base->name,
                             trial.base->source,
                             trial.base->sha256,
                             trial.base->pooling,
                             std::nullopt,
                             {}});
  }
  if (row.base_parameters > 0) summary.bases[base].parameters = row.base_parameters;
  std::vector<std::string>& notes = summary.bases[base].notes;
  if (trial.base->quantization == "nf4" && notes.empty()) {
    notes.push_back(
        "With quantization nf4 its linear layers are kept in 4-bit NormalFloat with double "
        "quantisation (Dettmers et al. 2023)");
  }
  if (position(summary.tasks, trial.task->name) == summary.tasks.size()) {
    summary.tasks.push_back(
        {trial.task->name, metric_style(metric_of(row, options)), *trial.task, {}});
  }
}

// What every finished trial of a task says is about the task; the rest is about that trial.
void add_task_notes(Summary& summary, const RunView& run) {
  for (TaskSummary& task : summary.tasks) {
    bool first = true;
    for (const TrialRow& row : run.trials) {
      if (row.trial.task->name != task.name || row.state != TrialState::kFinished) continue;
      if (first) task.notes = row.notes;
      first = false;
      const auto unsaid = [&](const std::string& note) {
        return std::find(row.notes.begin(), row.notes.end(), note) == row.notes.end();
      };
      task.notes.erase(std::remove_if(task.notes.begin(), task.notes.end(), unsaid),
                       task.notes.end());
    }
  }
}

using Rows = std::vector<const TrialRow*>;

// The trials of each cell, cells in the order of their first trials.
std::vector<Rows> cells_of(const RunView& run) {
  std::map<std::string, std::size_t> places;  // in `cells`
  std::vector<Rows> cells;
  for (const TrialRow& row : run.trials) {
    // Base and task by name too: the key leaves names out, and the majority class of two bases is
    // one key but two rows.
    const std::string key = row.cell + "\n" + row.trial.base->name + "\n" + row.trial.task->name;
    const auto [place, is_new] = places.emplace(key, cells.size());
    if (is_new) cells.emplace_back();
    cells[place->second].push_back(&row);
  }
  return cells;
}

void add_cells(Summary& summary, const RunView& run, const SummaryOptions& options) {
  const std::vector<Rows> cells = cells_of(run);
  summary.cells.reserve(cells.size());
  for (const Rows& rows : cells)
    summary.cells.push_back(make_cell(rows, options));
  add_settings(summary);
}

}  // namespace

std::size_t Cell::with_value() const {
  return static_cast<std::size_t>(std::count_if(
      seeds.begin(), seeds.end(), [](const SeedResult& seed) { return seed.value.has_value(); }));
}

std::size_t Cell::count(TrialState state) const {
  return static_cast<std::size_t>(std::count_if(
      seeds.begin(), seeds.end(), [&](const SeedResult& seed) { return seed.state == state; }));
}

std::size_t Cell::collapsed() const {
  return static_cast<std::size_t>(std::count_if(
      seeds.begin(), seeds.end(), [](const SeedResult& seed) { return !seed.collapsed.empty(); }));
}

Summary summarise(const RunView& run, const SummaryOptions& options) {
  Summary summary;
  summary.run = run.name;
  summary.split = options.split;
  summary.program_version = run.program_version;
  std::set<std::string> devices;
  std::set<std::string> torches;
  for (const TrialRow& row : run.trials) {
    add_facts(summary, row, options);
    if (!row.device_name.empty()) devices.insert(row.device_name);
    if (!row.torch_version.empty()) torches.insert(row.torch_version);
  }
  add_task_notes(summary, run);
  summary.device_names.assign(devices.begin(), devices.end());
  summary.torch_versions.assign(torches.begin(), torches.end());
  add_cells(summary, run, options);
  sort_cells(summary);
  select_on_validation(run.sweep_report, summary);
  flag_collapsed(run, summary);
  describe_scaling(summary);
  describe_protocols(summary);
  return summary;
}

std::vector<Curve> curves(const Summary& summary) {
  std::vector<Curve> all;
  std::map<std::string, std::size_t> places;
  for (const Cell& cell : summary.cells) {
    if (cell.is_baseline || !cell.rank) continue;
    std::string name = cell.base + '\n' + cell.task + '\n' + cell.method;
    for (const Setting& setting : cell.settings)
      name += '\n' + setting.name + '\n' + setting.value;
    const auto [place, is_new] = places.emplace(std::move(name), all.size());
    if (is_new) {
      std::string label = cell.title;
      for (const Setting& setting : cell.settings) {
        if (!setting.value.empty()) {
          label += ", " + short_setting_name(setting.name) + " " + setting.value;
        }
      }
      all.push_back({cell.base, cell.task, cell.method, label, {}});
    }
    all[place->second].cells.push_back(&cell);
  }
  for (Curve& curve : all) {
    std::stable_sort(curve.cells.begin(), curve.cells.end(),
                     [](const Cell* a, const Cell* b) { return *a->rank < *b->rank; });
  }
  return all;
}

std::string state_word(TrialState state) {
  switch (state) {
    case TrialState::kQueued:
      return "queued";
    case TrialState::kRunning:
      return "running";
    case TrialState::kFinished:
      return "finished";
    case TrialState::kDiverged:
      return "diverged";
    case TrialState::kFailed:
      return "failed";
    case TrialState::kStopped:
      return "stopped early";
  }
  return "unknown";
}

std::string short_setting_name(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

double mean_of(const std::vector<double>& values) {
  PLATEAU_CHECK(!values.empty(), "the mean of nothing");
  double sum = 0.0;
  for (double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

double standard_deviation_of(const std::vector<double>& values) {
  PLATEAU_CHECK(values.size() > 1, "a standard deviation needs two values");
  const double mean = mean_of(values);
  double squares = 0.0;
  for (double value : values)
    squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace plateau::results
