// The spread over seeds at each rank.
#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/figure/chart.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// Linear between order statistics (Hyndman and Fan's type 7, NumPy's default).
struct Quartiles {
  double low = 0.0;
  double median = 0.0;
  double high = 0.0;
};
// At least one value.
Quartiles quartiles(std::vector<double> values);

// A panel for each base and task, a box for each adapter and rank: quartiles and median, whiskers
// to the smallest and largest seed, every seed as a dot. Fewer than five seeds get no box, which
// would show quartiles that they do not have: a bar at their median and the dots. nullopt when no
// adapter with a rank has a finished seed.
std::optional<Drawing> box_figure(const Summary& summary, const FigureOptions& options = {});

// The same as numbers, for PGFPlots.
std::optional<Chart> box_chart(const Summary& summary, const FigureOptions& options = {});

}  // namespace plateau::results
