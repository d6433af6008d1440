// Metric against training step.
#pragma once

#include <optional>

#include "coordinator/results/figure/chart.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// A panel for each base and task, a line for each adapter and rank: the mean over its finished
// seeds at the steps that all of them report. The task's own metric on the validation split; where
// no trial reports that on the way, its training loss. Up to four lines carry a band of one
// standard deviation (n - 1) to each side. nullopt when no finished trial of an adapter with a rank
// reports either. `summary` is of `run`.
std::optional<Drawing> curves_figure(const RunView& run, const Summary& summary,
                                     const FigureOptions& options = {});

// The same as numbers, for PGFPlots.
std::optional<Chart> curves_chart(const RunView& run, const Summary& summary,
                                  const FigureOptions& options = {});

}  // namespace plateau::results
