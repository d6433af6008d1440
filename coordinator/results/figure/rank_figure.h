// Metric against rank: a panel for each base and task, a line for each adapter.
#pragma once

#include <optional>

#include "coordinator/results/figure/chart.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

struct FigureOptions {
  // Points; 252 is a column of most two-column papers, 504 both. 0: 360 for one panel, else 504.
  double width = 0.0;
};

// Mean over the finished seeds with a band of one standard deviation (n - 1) to each side, every
// seed as a dot, baselines as horizontal lines, ranks on a log2 axis. A cell with seeds missing is
// hollow; a cell without any value is a gap in the line. Lines differ in colour (Okabe and Ito's
// palette), marker and dashes, and stand a little apart so that equal values stay visible. A
// baseline that would flatten the lines is named with its value above the panel instead of being
// drawn. nullopt when no adapter with a rank has a finished seed.
std::optional<Drawing> rank_figure(const Summary& summary, const FigureOptions& options = {});

// The same as numbers, for PGFPlots.
std::optional<Chart> rank_chart(const Summary& summary, const FigureOptions& options = {});

}  // namespace plateau::results
