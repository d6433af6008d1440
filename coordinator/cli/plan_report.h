// What `plateau plan` prints. Pure: a loaded sweep in, text or JSON out.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/catalogue/load_sweep.h"
#include "common/spec/estimate.h"

namespace plateau::cli {

// For a person: counts, one line for each task, adapter and rank with its parameters and share,
// estimated time, warnings and notices.
std::string plan_text(const LoadedSweep& loaded, const ComputeRate& rate);

// {"name", "trials", "cells", "baselines", "folded", "estimated_seconds", "rate", "parameters",
//  "warnings", "notices"}
nlohmann::json plan_json(const LoadedSweep& loaded, const ComputeRate& rate);

// Every value of one trial and where it came from: "rank 4 (sweep.yaml:9:10)", "epsilon 1e-08
// (default)".
std::string resolved_text(const LoadedSweep& loaded, std::size_t index);

}  // namespace plateau::cli
