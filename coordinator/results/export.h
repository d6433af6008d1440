// A run as long rows: one a trial, metric and split. The source of truth for other programs.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "coordinator/results/columns.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

enum class ExportWhat {
  kTrials,       // a row for every final metric of every trial; one without, if it has none
  kMetrics,      // a row for every metric reported on the way, by step
  kPredictions,  // a row for every test item, with its trial: read from the run folder
};
enum class ExportFormat { kCsv, kJsonl, kParquet };

// Rows in the order of the trials; missing values are empty in CSV and absent in JSONL. Predictions
// read trials/*/predictions.jsonl (blocks): a finished trial without the file (kept none) has no
// rows; a line that is no JSON object is kCorrupt with file and line.
// kParquet: the bytes of a file, with labels and predictions as text whatever the task (so that all
// runs have one schema), and the scores as a list; parquet/parquet.h says what else can go wrong.
Result<std::string> export_text(const RunView& run, const std::filesystem::path& run_folder,
                                ExportWhat what, ExportFormat format);

// The same rows as typed columns.
Result<Columns> export_columns(const RunView& run, const std::filesystem::path& run_folder,
                               ExportWhat what);

}  // namespace plateau::results
