// The tables of a run, with what the catalogue says of its bases and tasks.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

// A catalogue that cannot be read costs its notes, not the results.
Summary summary_of(const RunView& run, const SummaryOptions& options = {});

// Of the trials that the table's filters leave. kInvalidArgument: a filter that fits nothing, or a
// metric or split that no finished trial has.
Result<Summary> summary_for(const RunView& run, const TableSpec& spec);

// One for each of `specs`; kInvalidArgument as above, and what build_table refuses.
Result<std::vector<Table>> tables_of(const RunView& run, const std::vector<TableSpec>& specs);

}  // namespace plateau::results
