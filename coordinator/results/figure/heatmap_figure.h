// Adapters against ranks, the metric as shade and number.
#pragma once

#include <optional>

#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/summary.h"

namespace plateau::results {

// A panel for each base and task; the mean over finished seeds in each field, darker where it is
// better. One hue whose lightness falls steadily, so that a grey copy reads the same. A cell with
// seeds missing says how many it has ("1/2") and one without any is white with a dash; neither
// takes part in the scale unless nothing else does. nullopt when no adapter with a rank has a mean.
std::optional<Drawing> heatmap_figure(const Summary& summary, const FigureOptions& options = {});

}  // namespace plateau::results
