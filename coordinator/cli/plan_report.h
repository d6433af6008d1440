// What `plateau plan` prints. Pure: a loaded sweep in, text or JSON out.
#pragma once

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "common/catalogue/load_sweep.h"
#include "coordinator/cli/measurements.h"

namespace plateau::cli {

// What the sweep's run has done before.
struct DoneBefore {
  std::string folder;          // of the run, as shown
  std::set<std::string> keys;  // of trials that are not trained again
};

// For a person: counts, one line for each task, adapter and rank with its parameters, share and
// memory, estimated time of what is left, warnings and notices. `done`: nullptr when there is no
// run yet.
std::string plan_text(const LoadedSweep& loaded, const CostModel& costs,
                      const DoneBefore* done = nullptr);

// {"name", "trials", "cells", "baselines", "done", "folded", "search", "budgets",
// "estimated_seconds" (of what is left; null for a search), "ranges" (of a search, search_ranges.h;
// else null), "rate", "parameters" (with "memory_bytes", "memory_measured"), "warnings", "notices"}
nlohmann::json plan_json(const LoadedSweep& loaded, const CostModel& costs,
                         const DoneBefore* done = nullptr);

}  // namespace plateau::cli
