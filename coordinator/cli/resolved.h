// Every value of a sweep's trials and where it came from: `plateau plan --resolved`. Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/catalogue/load_sweep.h"

namespace plateau::cli {

struct ResolvedValue {
  std::string name;  // as in a sweep file ("rank"), else its place in the trial ("task.labels")
  nlohmann::json value;
  // "sweep.yaml:9:10", "sweep.yaml:9:10, fragment short", "override rank=1", "default",
  // "default, 2 * rank", "the task's default", "catalogue entry minilm-l6", "read from FOLDER"
  std::string origin;
};

// All values of the resolved trial at this index of the plan.
std::vector<ResolvedValue> resolved_values(const LoadedSweep& loaded, std::size_t index);

// How the sweep searches and what ends it: method, search_seed and the budgets that it gives.
std::vector<ResolvedValue> resolved_search(const LoadedSweep& loaded);

// A line for each value: "rank 4 (sweep.yaml:9:10)", "epsilon 1e-08 (default)".
std::string resolved_text(const LoadedSweep& loaded, std::size_t index);
std::string resolved_search_text(const LoadedSweep& loaded);

// resolved_json() with "origins" beside each trial, by name, and "search": {name: {value, origin}}.
nlohmann::json resolved_with_origins(const LoadedSweep& loaded);

}  // namespace plateau::cli
