// Metric against trainable parameters, with the front of what nothing smaller beats.
#pragma once

#include <optional>
#include <vector>

#include "coordinator/results/figure/chart.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// Of the cells given, those that no cell with as few or fewer parameters equals or beats; by
// parameters. Cells without a mean, without all their seeds, or without parameters take no part.
std::vector<const Cell*> pareto_front(const std::vector<const Cell*>& cells);

// A panel for each base and task; parameters on a log10 axis; mean with one standard deviation to
// each side; the front as a grey step line. nullopt when no complete cell has a mean.
std::optional<Drawing> pareto_figure(const Summary& summary, const FigureOptions& options = {});

// The same as numbers, for PGFPlots.
std::optional<Chart> pareto_chart(const Summary& summary, const FigureOptions& options = {});

}  // namespace plateau::results
