// The tree-structured Parzen estimator (Bergstra et al. 2011), multivariate (Falkner, Klein and
// Hutter 2018): of candidates drawn from the density of the good points, the one with the highest
// ratio to the density of the others.
#pragma once

#include "coordinator/search/history.h"

namespace plateau::search {

struct GoodAndBad {
  std::vector<Point> good;
  std::vector<Point> bad;
};

// The best tenth (rounded up, at most 25) of what has a loss, and all else, each the oldest first.
// Stopped points come after finished ones, the longest first. Running ones count as bad (the
// constant liar), so that trials side by side spread out.
GoodAndBad split(const History& history);

// `history` has at least one finished or stopped point.
Point tpe_candidate(const Space& space, const History& history, Random& random);

}  // namespace plateau::search
