// Adapters on a line by their average rank over tasks, joined where they cannot be told apart.
#pragma once

#include <optional>

#include "coordinator/results/comparison.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/rank_figure.h"

namespace plateau::results {

// Demsar's diagram (2006) with the cliques of Wilcoxon's test and Holm's correction (Benavoli et
// al. 2016) in the place of Nemenyi's distance. Where so few tasks cannot reach 0.05 at all, no
// bars are drawn and the figure says why.
Drawing critical_difference_figure(const Ranking& ranking, const std::string& run,
                                   const FigureOptions& options = {});

}  // namespace plateau::results
