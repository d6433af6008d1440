// What is said at the end of a run: failures with their reasons, and where everything is.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "coordinator/store/results_view.h"
#include "coordinator/store/run_status.h"

namespace plateau::cli {

struct RunCounts {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t finished = 0;
  std::int64_t diverged = 0;
  std::int64_t failed = 0;
  std::int64_t stopped = 0;
  std::int64_t total = 0;
};

RunCounts count_trials(const RunView& run);
RunCounts count_trials(const RunStatus& run);

// A paragraph a reason, with the trials that failed for it; a reason that all share is said once.
// Empty when nothing failed.
std::string failures_text(const RunView& run);
std::string failures_text(const RunStatus& run);

// {"run", "name", "counts": {...}, "failed": [{"trial", "label", "reason"}], "results": [paths],
// "interrupted"}
nlohmann::json summary_json(const RunView& run, const std::filesystem::path& run_folder,
                            const std::vector<std::filesystem::path>& results, bool interrupted);

}  // namespace plateau::cli
