// The predictions.jsonl of a run's trials, line by line.
#pragma once

#include <filesystem>
#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

// False: the line is no prediction.
using TakePrediction = std::function<Result<bool>(const TrialRow& trial, const nlohmann::json&)>;

// Each line of finished trials, baselines too, in the order of the run (blocks). Trials that kept
// none are passed over. kCorrupt names file and line; `take`'s own errors end it too.
Status each_prediction(const RunView& run, const std::filesystem::path& run_folder,
                       const TakePrediction& take);

}  // namespace plateau::results
