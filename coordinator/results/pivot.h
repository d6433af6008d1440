// Cells laid out in rows and columns by the names of their dimensions.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table_spec.h"

namespace plateau::results {

// The cells of one row: one a column, nullptr where the sweep has none.
struct Line {
  std::vector<const Cell*> by_column;
  const Cell* first = nullptr;
};

struct Pivot {
  std::vector<std::string> rows;     // dimensions
  std::vector<std::string> columns;  // dimensions
  std::vector<std::string> labels;   // of the columns: "tweets", "r=4"; in order
  std::vector<MetricStyle> metrics;  // of the columns
  std::vector<Line> lines;           // pointers into the summary

  bool has_row(const std::string& dimension) const;
};

// "LoRA" for lora, "4", "2e-3", ...: what a table prints for a dimension; "–" for none.
std::string printed_dimension(const Cell& cell, const std::string& dimension);

// kInvalidArgument: a dimension that no cell has, one that is a row and a column, or cells that
// would share a place: nothing is averaged in silence, so what tells them apart must be a row, a
// column or a filter.
Result<Pivot> pivot(const Summary& summary, const TableSpec& spec);

}  // namespace plateau::results
