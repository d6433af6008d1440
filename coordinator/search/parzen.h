// A density over a conditional space: one kernel around each of some points, and the prior.
//
// f(x) = sum_i w_i prod_d k_id(x_d), over the dimensions that exist in x. Where point i lacks a
// dimension its kernel is the prior, so f adds up to 1 whatever exists where (existence follows
// from earlier dimensions), and densities in two branches can be compared.
#pragma once

#include <vector>

#include "coordinator/search/space.h"

namespace plateau::search {

class ParzenDensity {
 public:
  // `points`, the oldest first; none: the prior alone. `space` outlives it.
  ParzenDensity(const Space& space, std::vector<Point> points);

  Point sample(Random& random) const;
  double log_density(const Point& point) const;

 private:
  double log_kernel(std::size_t dimension, const Point& centre, double value) const;
  double draw(std::size_t dimension, const Point& centre, Random& random) const;

  const Space& space_;
  std::vector<Point> points_;
  std::vector<double> weights_;  // of the points, then of the prior; they add up to 1
  std::vector<double> widths_;   // of a kernel, by dimension
};

}  // namespace plateau::search
