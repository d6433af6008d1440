// A density over a conditional space: one kernel around each of some points, and the prior.
//
// f(x) = sum_i w_i prod_d k_id(x_d), over the dimensions that exist in x. Where point i lacks a
// dimension its kernel is the prior, so f adds up to 1 whatever exists where (existence follows
// from earlier dimensions), and densities in two branches can be compared.
//
// A kernel of a coordinate is a normal cut to [0, 1], as wide as the larger gap to the points
// beside it in that dimension (Bergstra et al. 2011): narrow where points lie close, wide where
// they do not.
#pragma once

#include <vector>

#include "coordinator/search/space.h"

namespace plateau::search {

struct Weighted {
  Point point;
  double weight = 1;  // positive
};

class ParzenDensity {
 public:
  // `points`, the oldest first; none: the prior alone. `space` outlives it.
  ParzenDensity(const Space& space, std::vector<Weighted> points);

  Point sample(Random& random) const;
  double log_density(const Point& point) const;

 private:
  // Of one point in one dimension that it has; nothing for a Categorical one.
  struct Kernel {
    double at = 0;
    double width = 1;
    double log_area = 0;  // of what the normal's exponential covers in [0, 1]
  };

  void set_widths(std::size_t dimension);
  double log_kernel(std::size_t point, std::size_t dimension, double value) const;
  double draw(std::size_t point, std::size_t dimension, Random& random) const;

  const Space& space_;
  std::vector<Weighted> points_;
  std::vector<double> weights_;               // of the points, then of the prior; they add up to 1
  std::vector<std::vector<Kernel>> kernels_;  // by point and dimension
};

}  // namespace plateau::search
