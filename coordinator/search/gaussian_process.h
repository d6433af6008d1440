// A Gaussian process over points of a space, and the expected improvement that it sees.
//
// Matern 5/2 with a length of its own for each dimension (Rasmussen and Williams 2006, ch. 4, 5).
// Lengths, amplitude and noise maximise the likelihood times log-normal priors, whose lengths grow
// with the number of dimensions (Hvarfner, Hellsten and Nardi 2024). Levels without an order are at
// distance 1 from each other; a dimension that exists in one of two points alone adds distance 1,
// and one that exists in neither adds none.
#pragma once

#include <vector>

#include "coordinator/search/dense.h"
#include "coordinator/search/history.h"

namespace plateau::search {

struct Kernel {
  std::vector<double> log_lengths;  // by dimension
  double log_amplitude = 0;         // of the variance
  double log_noise = 0;             // of the variance
};

struct Prediction {
  double mean = 0;
  double variance = 0;  // of the function, without noise; positive
};

class GaussianProcess {
 public:
  // Fits the kernel to values of mean 0 and variance 1. At least two points. `space` outlives it.
  GaussianProcess(const Space& space, std::vector<Point> points, std::vector<double> values);

  Prediction predict(const Point& point) const;
  // Adds a point that still runs, as if its value were what is expected there (the kriging
  // believer, Ginsbourger et al. 2010). The kernel stays.
  void believe(const Point& point);

  const Kernel& kernel() const { return kernel_; }
  // Of the values under a kernel, plus that of its priors; and its gradient by the kernel's
  // numbers, in their order. For the fit, and for tests. -infinity: the kernel is of no use.
  double log_posterior(const Kernel& kernel, std::vector<double>* gradient) const;

 private:
  double distance(std::size_t dimension, const Point& a, const Point& b) const;
  void fit();
  void factorise();

  const Space& space_;
  std::vector<Point> points_;
  std::vector<double> values_;
  std::vector<std::vector<double>> squares_;  // of distances, by dimension: i * n + j
  Kernel kernel_;
  Matrix factor_{0};
  std::vector<double> alpha_;  // K^-1 values
};

// The natural logarithm of the expected fall below `best`; finite also where it is tiny (Ament et
// al. 2023).
double log_expected_improvement(const Prediction& prediction, double best);

// The point of highest expected improvement that was found. `history` has at least two points with
// a loss. What stopped early counts with its last loss, what failed as the worst that was seen.
Point gp_candidate(const Space& space, const History& history, Random& random);

}  // namespace plateau::search
