// A run as cells: trials that differ in nothing but their seed, taken together.
//
// Pure. Nothing is left out and nothing is averaged in silence: a cell keeps every seed with its
// state, and its mean is over the finished ones alone, beside how many were planned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/metric.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

// One trial of a cell.
struct SeedResult {
  TrialId trial;
  std::uint64_t seed = 0;
  TrialState state = TrialState::kQueued;
  std::optional<double> value;       // the metric on Summary::split; finished trials only
  std::optional<double> validation;  // the task's metric on the validation split, the last one
  std::string reason;                // why it failed
  // Finished, but below chance or with most answers unparseable; empty: sound. Shown and counted in
  // the cell's mean, kept out of plateaus.
  std::string collapsed;
};

// A setting of the sweep that tells cells apart beyond base, task, adapter, rank.
struct Setting {
  std::string name;  // path in the trial's JSON: "optimizer.epochs", "adapter.parameters.dropout"
  std::string value;
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Cell {
  std::string key;  // cell_key of its trials
  std::string base;
  std::string task;
  std::string method;  // "lora"
  std::string title;   // "LoRA"
  std::optional<std::int64_t> rank;
  std::optional<double> alpha;  // as given; the update is multiplied by `scale`
  std::optional<double> scale;  // alpha/rank, or alpha/sqrt(rank) with rslora
  std::string scaling;          // "α/r, α = 2r": how alpha follows the rank (scaling.h); or empty
  std::string protocol;         // split, selection, checkpoint, rows, length (protocol.h)
  double learning_rate = 0.0;
  double head_learning_rate = 0.0;
  std::vector<Setting> settings;  // in the order of Summary::setting_names
  std::vector<Setting> selected;  // chosen on validation, in the order of Selection::over
  bool is_baseline = false;
  MetricStyle metric;
  std::vector<SeedResult> seeds;  // ascending
  SharedTrial example;            // of its first trial

  std::optional<double> mean;                // over seeds with a value
  std::optional<double> standard_deviation;  // n - 1; absent for fewer than two values

  // Of the finished trials: counts and sizes are the same for each, times are means.
  std::optional<std::int64_t> adapter_parameters;
  std::optional<std::int64_t> head_parameters;
  std::optional<std::int64_t> base_parameters;
  std::optional<std::int64_t> adapter_bytes;
  std::optional<std::int64_t> base_bytes;         // in memory: less where it is in a few bits
  std::optional<std::int64_t> peak_memory_bytes;  // the largest
  std::optional<double> train_seconds;
  double total_seconds = 0.0;  // of all its finished trials: what the cell cost

  std::size_t planned() const { return seeds.size(); }
  std::size_t with_value() const;
  std::size_t count(TrialState state) const;
  std::size_t collapsed() const;
  bool complete() const { return with_value() == planned(); }
};

// How a task's data was made, and on what the trials of it ran.
struct TaskSummary {
  std::string name;
  MetricStyle metric;
  TaskSpec spec;
  std::vector<std::string> notes;  // of the catalogue and the task's reader
};

struct BaseSummary {
  std::string name;
  std::string source;  // catalogue entry or "folder"
  std::string sha256;
  std::string pooling;
  std::optional<std::int64_t> parameters;
  std::vector<std::string> notes;
};

// A sweep that chooses a parameter (the learning rate, say) per cell on the validation split keeps
// one cell of each group; the others stay in the exports.
struct Selection {
  std::vector<std::string> over;     // "learning_rate"
  std::size_t groups = 0;            // cells chosen out of several
  std::size_t candidates = 0;        // cells they were chosen from
  std::vector<std::string> open;     // groups with no complete cell yet: nothing chosen, all shown
  std::vector<std::string> at_edge;  // chosen at the smallest or largest value that was tried
};

struct Summary {
  std::string run;
  std::string split;  // that the values are of: "test"
  std::string program_version;
  std::vector<BaseSummary> bases;           // in the order of the trials
  std::vector<TaskSummary> tasks;           // in the order of the trials
  std::vector<std::string> setting_names;   // sorted
  std::vector<std::string> device_names;    // of finished trials, sorted
  std::vector<std::string> torch_versions;  // likewise
  // By base, then baselines before adapters, adapters in the order of the method table, rank,
  // settings, task.
  std::vector<Cell> cells;
  std::optional<Selection> selection;
  std::vector<Cell> not_selected;  // in the same order
};

struct SummaryOptions {
  std::string metric;          // empty: each task's own
  std::string split = "test";  // test | validation | train
};

Summary summarise(const RunView& run, const SummaryOptions& options = {});

// The cells of one base, task, adapter and settings, by rank: a line of the figure.
struct Curve {
  std::string base;
  std::string task;
  std::string method;
  std::string label;               // "LoRA", or "LoRA, epochs 3" when settings tell several apart
  std::vector<const Cell*> cells;  // pointers into the summary; ascending rank
};

// Adapters with a rank only; baselines have none.
std::vector<Curve> curves(const Summary& summary);

// "finished", "stopped early", ...: the words of the tables and exports.
std::string state_word(TrialState state);

// "epochs" for "optimizer.epochs"
std::string short_setting_name(const std::string& path);

double mean_of(const std::vector<double>& values);                // at least one value
double standard_deviation_of(const std::vector<double>& values);  // n - 1; at least two values

}  // namespace plateau::results
