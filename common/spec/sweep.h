// A sweep as it was read, and its expansion into trials. Pure: no file, no clock, no network.
//
//   read_sweep (spec/yaml)  ->  Sweep  ->  expand(sweep, sources)  ->  SweepPlan
//
// common/catalogue/load_sweep.h does all of it for a file: most callers want that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/spec/distribution.h"
#include "common/spec/expression.h"
#include "common/spec/parameters.h"
#include "common/spec/planned_trial.h"
#include "common/spec/problem.h"
#include "common/spec/search_spec.h"
#include "common/spec/trial.h"

namespace plateau {

struct SweepValue {
  nlohmann::json value;
  Place place;
};

// One parameter as it was written: values to go through, a distribution to draw from, or an
// expression over other parameters.
struct SweepParameter {
  std::string name;  // "rank": a field of the trial (fields.h) or of a method (methods.h)
  Place place;
  // Where it holds: everywhere, or for one adapter, task or base (`adapters: {lora: ...}`). A
  // scoped parameter takes the place of the general one of the same name.
  std::string scope_kind;  // "", "adapter", "task", "base"
  std::string scope;       // its name; empty for everywhere
  std::vector<SweepValue> values;
  std::vector<double> probabilities;  // of the values, in a search; sum 1; empty: equal ones
  std::optional<Distribution> distribution;
  Place lowest_place, highest_place;  // of its `min` and `max`, or of all of it
  std::optional<Expression> expression;
  std::optional<Expression> when;
  Place when_place;
};

// A base or task that the sweep names: a catalogue entry, or a local folder or file.
struct SourceReference {
  std::string name;
  std::filesystem::path path;  // absolute; empty: an entry of the catalogue
  // A task's own description: labels, metric, columns, reader, kind. Empty for catalogue entries.
  nlohmann::json options = nlohmann::json::object();
  Place place;
};

struct Resources {
  std::optional<std::int64_t> pack;  // most trials side by side on a device; absent: the worker's
  std::vector<std::string> devices;  // "cpu", "cuda:0"; empty: all there are
};

struct Sweep {
  std::string name;  // of the run folder: `name`, or the file's name
  std::string description;
  SearchSpec search;
  std::string metric;  // "accuracy"; empty: the task's
  Place metric_place;
  bool maximize = true;                        // metric.goal
  std::vector<SweepParameter> parameters;      // in the order of the file
  std::vector<std::vector<std::string>> zips;  // parameters whose values go together
  std::vector<SweepValue> baselines;           // majority, probe
  std::map<std::string, SourceReference> bases;
  std::map<std::string, SourceReference> tasks;
  // Where a task's name is looked for before the catalogue; empty: nowhere.
  std::filesystem::path tasks_folder;
  std::vector<std::string> select;  // parameters chosen per cell on the validation metric
  Resources resources;
  // The file's `report` section, plus "select": {"over": ["learning_rate"], "split": "validation"}
  // when the sweep selects. Null when there is neither.
  nlohmann::json report;
  std::map<std::string, Place> report_places;  // of its nodes: "report.tables[0].show"
  std::vector<std::string> notices;  // for the user: "seed is taken for replicates of a cell"
};

// What the catalogue or a local folder says about the bases and tasks of a sweep, by name.
struct BaseSource {
  BaseSpec spec;  // pooling is the base's own default
  BaseFacts facts;
};
struct TaskSource {
  TaskSpec spec;                // sizes and max_length are the task's own defaults
  double mean_tokens = 0;       // of a text, for estimates; 0: unknown
  std::int64_t train_rows = 0;  // rows there are, for estimates; 0: unknown
};
struct Sources {
  std::map<std::string, BaseSource> bases;
  std::map<std::string, TaskSource> tasks;
};

struct SweepPlan {
  // The sweep's trials in the order to run them (every cell's first seed, then every cell's second,
  // ...), then the baselines. `plan --trial N` counts from 1 through this list.
  std::vector<PlannedTrial> trials;
  std::int64_t trial_count = 0;     // without baselines
  std::int64_t cell_count = 0;      // without baselines
  std::int64_t baseline_count = 0;  // trials.size() == trial_count + baseline_count
  std::int64_t folded = 0;          // written twice, planned once
  // Of a search, whose trials are chosen while it runs: what it may choose at most (search_ends.h).
  std::vector<PlannedTrial> ends;
  std::vector<std::string> notices;
  std::vector<std::string> warnings;  // "two seeds and three ranks are too few to show a plateau"
};

// More trials than this are taken for an accident and refused before expanding.
inline constexpr std::int64_t kMaxTrials = 100'000;

// kInvalidArgument with every problem found: rank larger than a matrix, empty grid, a parameter
// that no adapter of the sweep has, a circular expression, too many trials. `sources` holds every
// base and task that the sweep names.
Result<SweepPlan> expand(const Sweep& sweep, const Sources& sources);

// The same, with its problems added to those that are known; nullopt when it finds any.
std::optional<SweepPlan> expand(const Sweep& sweep, const Sources& sources,
                                std::vector<Problem>& problems);

// The same sweep, small enough for a minute on two cores: every cell along rank, adapter, task and
// base stays, with few rows, one epoch, its first seed and the first value of what is selected.
// The name gets the suffix "-smoke", so that it never touches the real run's folder.
Sweep smoke(Sweep sweep);

// {"format": "plateau-sweep/1", "name", "trials": [resolved trials with "key", "cell", "label"]}
nlohmann::json resolved_json(const Sweep& sweep, const SweepPlan& plan);

}  // namespace plateau
