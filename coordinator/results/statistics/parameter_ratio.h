// How many times fewer parameters one adapter needs than another for the same metric.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "coordinator/results/statistics/intervals.h"

namespace plateau::statistics {

// Metric against size for one adapter.
struct SizeCurve {
  std::vector<double> parameters;           // ascending, above zero
  std::vector<std::vector<double>> values;  // [seed][size], more is better; at least one seed
};

struct ParameterRatio {
  double level = 0.0;  // the metric at which sizes are compared: the best that both reach
  double first = 0.0;  // parameters that each needs for it
  double second = 0.0;
  double ratio = 0.0;  // second / first: above one, the first needs fewer
  // The smallest size that was tried already reaches the level, so the true need may be less.
  bool first_at_smallest = false;
  bool second_at_smallest = false;
  std::optional<Interval> interval;  // of the ratio, percentile bootstrap over seeds
};

// Means over seeds, their running maximum in the size, log(parameters) interpolated linearly in the
// metric between sizes. Both curves have the same seeds in the same order; resamples choose seeds
// for both together (paired). Without resamples or with one seed there is no interval.
ParameterRatio parameter_ratio(const SizeCurve& first, const SizeCurve& second,
                               const std::vector<std::vector<std::size_t>>& resamples,
                               double confidence);

}  // namespace plateau::statistics
