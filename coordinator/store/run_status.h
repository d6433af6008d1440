// What `plateau status` says of a run, read without looking at every trial's row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "coordinator/scheduler/events.h"
#include "coordinator/store/results_view.h"

namespace plateau {

// What results and status call it: an assigned trial is one that runs.
TrialState state_of(TrialStatus status);

// How far a run is: read in a time that hardly grows with what is queued or has finished.
struct RunStatus {
  struct Trial {
    TrialId id;
    std::string label;
    TrialState state = TrialState::kRunning;
    std::int64_t attempts = 0;
    std::string reason;  // why it failed
  };
  std::string name;
  std::map<TrialState, std::int64_t> counts;
  std::vector<Trial> running_and_failed;  // by id
};

// Errors as of read_run().
Result<RunStatus> read_status(const std::filesystem::path& run_folder);

// The keys of all trials that have a result: finished or diverged, also those that the sweep names
// no longer. Errors as of read_run().
Result<std::set<std::string>> read_done_keys(const std::filesystem::path& run_folder);

}  // namespace plateau
