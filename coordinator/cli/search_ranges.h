// What `plateau plan` says of a search: between which bounds its trials will be. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/catalogue/load_sweep.h"
#include "coordinator/cli/measurements.h"

namespace plateau::cli {

struct Range {
  double lowest = 0, highest = 0;
};

// Of all trials that a search may choose on one base and task with one adapter.
struct SearchRange {
  std::string base, task, adapter;
  std::optional<Range> rank;  // nullopt: the adapter has none
  Range trained, share_percent, memory_bytes, seconds;
  bool memory_measured = true;  // all of it
  double base_parameters = 0;
};

// In the order of the file; empty where the plan has no ends.
std::vector<SearchRange> search_ranges(const LoadedSweep& loaded, const CostModel& costs);

// The table, and how long all of it takes. `baseline_seconds`: of the baselines that are to be
// trained.
std::string search_text(const LoadedSweep& loaded, const CostModel& costs, double baseline_seconds);

// {"trials": [{"base", "task", "adapter", "rank", "adapter_parameters", "share_of_base_percent",
// "memory_bytes", "memory_measured", "seconds"}], "estimated_seconds"}: each range is {"min",
// "max"}, or null where there is none.
nlohmann::json search_json(const LoadedSweep& loaded, const CostModel& costs,
                           double baseline_seconds);

}  // namespace plateau::cli
