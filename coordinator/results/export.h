// A run as long rows: one a trial, metric and split. The source of truth for other programs.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

enum class ExportWhat {
  kTrials,       // a row for every final metric of every trial; one without, if it has none
  kMetrics,      // a row for every metric reported on the way, by step
  kPredictions,  // a row for every test item, with its trial: read from the run folder
};
enum class ExportFormat { kCsv, kJsonl };

// Rows in the order of the trials; missing values are empty in CSV and absent in JSONL. Predictions
// read trials/*/predictions.jsonl (blocks): a finished trial without the file (kept none) has no
// rows; a line that is no JSON object is kCorrupt with file and line.
Result<std::string> export_text(const RunView& run, const std::filesystem::path& run_folder,
                                ExportWhat what, ExportFormat format);

}  // namespace plateau::results
