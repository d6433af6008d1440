// Where a number comes from: the trials and attempts behind every cell.
#pragma once

#include <string>

#include "coordinator/results/table.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

// One row a trial, by cell and seed: its value or state, its number, the attempt that was accepted,
// and the folder with its metrics and predictions. A cell's mean is the mean of its rows' values.
Table trace_table(const RunView& run);
// RFC 4180, the same rows with keys and unrounded values.
std::string trace_csv(const RunView& run);
// {"format": "plateau-trace/1", "run", "trials": [...]}
std::string trace_json(const RunView& run);

}  // namespace plateau::results
