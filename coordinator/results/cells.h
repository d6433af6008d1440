// Every cell of a run for programs: numbers as they are stored, not as they are printed.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/columns.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// RFC 4180 with a header line: one row a cell, baselines and cells that were not selected included.
// Metrics are not scaled; an empty field means "not known" or "does not apply". Columns of settings
// that tell cells apart follow the fixed ones, under their full names.
std::string cells_csv(const Summary& summary);

struct NamedSummary {
  std::string name;  // of the table
  Summary summary;
};
// The same as typed columns, after one with the table's name: several tables are one file. Settings
// that no cell of a table has are missing in its rows.
Result<Columns> cells_columns(const std::vector<NamedSummary>& tables);

// {"format": "plateau-results/1", "run", "tasks", "bases", "cells": [...], "notes": [...]}: the
// same, with every seed. Sorted keys, two spaces, a newline at the end.
std::string cells_json(const Summary& summary);

}  // namespace plateau::results
