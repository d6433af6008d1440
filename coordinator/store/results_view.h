// What results, status and exports read of a run: plain rows, no SQL.
//
// read_run() opens the run's database read-only, also while a coordinator writes to it (WAL).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/spec/shared_trial.h"

namespace plateau {

enum class TrialState { kQueued, kRunning, kFinished, kDiverged, kFailed, kStopped };
// queued | running | finished | diverged | failed | stopped (early)
std::string to_string(TrialState state);

struct MetricValue {
  std::string split;  // train | validation | test
  std::string name;   // accuracy, loss, ...
  std::int64_t step = 0;
  double value = 0.0;
};

struct TrialRow {
  TrialId id;
  std::string key;   // trial_key(trial)
  std::string cell;  // cell_key(trial)
  SharedTrial trial;
  std::string label;  // trial_label(trial)
  bool is_baseline = false;
  TrialState state = TrialState::kQueued;
  std::int64_t attempts = 0;
  std::string reason;                // why it failed; empty otherwise
  std::vector<MetricValue> metrics;  // of the accepted result: final values, one per split and name
  std::vector<MetricValue> curve;    // every metric reported by the accepted attempt, by step

  // From the accepted result; 0 where there is none.
  std::int64_t adapter_parameters = 0;
  std::int64_t head_parameters = 0;
  std::int64_t base_parameters = 0;
  double train_seconds = 0.0;
  std::int64_t train_tokens = 0;
  std::int64_t peak_memory_bytes = 0;
  std::int64_t adapter_bytes = 0;
  std::int64_t base_bytes = 0;  // of the frozen base in memory
  std::string device_name;
  std::string torch_version;
  std::vector<std::string> notes;
  std::string folder;  // relative to the run folder: "trials/<label>-<key8>"
  // Where its result was taken from: "trial 3 of the run first (/path)"; empty: trained here.
  std::string reused_from;
};

struct RunView {
  std::string name;
  std::string program_version;
  std::string sweep_yaml;        // the file as it was given
  nlohmann::json sweep_report;   // the sweep's `report` section, or null
  std::vector<TrialRow> trials;  // by id
};

// kNotFound: no run there; kVersion: made by another version; kCorrupt.
Result<RunView> read_run(const std::filesystem::path& run_folder);

}  // namespace plateau
