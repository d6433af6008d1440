// The tree-structured Parzen estimator (Bergstra et al. 2011), multivariate (Falkner, Klein and
// Hutter 2018): of candidates drawn from the density of the good points, the one with the highest
// ratio to the density of the others.
//
// Ratios say little about which branch of a conditional space is best: they are largest where many
// points lie close, so the branch that is searched most would be searched on. So the branch is
// drawn first, and the candidates are of it.
#pragma once

#include "coordinator/search/history.h"
#include "coordinator/search/parzen.h"

namespace plateau::search {

// Which dimensions exist.
using Branch = std::vector<bool>;
Branch branch_of(const Point& point);

// A branch to propose in, as a point of it: mostly that of one of the best tenth of what has a
// loss, in the other cases a point of the prior. `history` has at least one finished or stopped
// point.
Point draw_branch(const Space& space, const History& history, Random& random);

struct GoodAndBad {
  std::vector<Weighted> good;
  std::vector<Weighted> bad;
};

// The best tenth by weight (rounded up, at most 25) of what has a loss, and all else, each the
// oldest first. Points of the branch weigh 1. Those of another weigh the square of the share of
// coordinates that both have, of those that one has: nothing, and are left out, where there are
// none. Stopped points come after finished ones, the longest first. Running ones count as bad (the
// constant liar), so that trials side by side spread out.
GoodAndBad split(const Space& space, const History& history, const Branch& branch);

// `history` has at least one finished or stopped point.
Point tpe_candidate(const Space& space, const History& history, Random& random);

}  // namespace plateau::search
