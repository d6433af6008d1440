#include "coordinator/results/statistics/intervals.h"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>

#include "common/base/check.h"

namespace plateau::statistics {
namespace {

using boost::math::complement;
using boost::math::students_t;

double as_double(std::size_t count) {
  return static_cast<double>(count);
}

}  // namespace

double mean(const std::vector<double>& values) {
  PLATEAU_CHECK(!values.empty(), "the mean of nothing");
  double sum = 0.0;
  for (double value : values)
    sum += value;
  return sum / as_double(values.size());
}

double standard_deviation(const std::vector<double>& values) {
  PLATEAU_CHECK(values.size() > 1, "a standard deviation needs two values");
  const double center = mean(values);
  double squares = 0.0;
  for (double value : values)
    squares += (value - center) * (value - center);
  return std::sqrt(squares / as_double(values.size() - 1));
}

Interval t_interval(const std::vector<double>& values, double confidence) {
  const double center = mean(values);
  const double error = standard_deviation(values) / std::sqrt(as_double(values.size()));
  const students_t distribution(as_double(values.size() - 1));
  const double half = quantile(complement(distribution, (1.0 - confidence) / 2)) * error;
  return {center - half, center + half};
}

double t_test_above(const std::vector<double>& values, double threshold) {
  const double difference = mean(values) - threshold;
  const double error = standard_deviation(values) / std::sqrt(as_double(values.size()));
  if (!(error > 0.0)) return difference > 0.0 ? 0.0 : 1.0;
  return cdf(complement(students_t(as_double(values.size() - 1)), difference / error));
}

double t_test_power(double effect, double deviation, std::size_t count, double alpha) {
  PLATEAU_CHECK(count > 1, "a t test needs two values");
  if (!(deviation > 0.0)) return effect > 0.0 ? 1.0 : 0.0;
  const double freedom = as_double(count - 1);
  const double critical = quantile(complement(students_t(freedom), alpha));
  const double shift = effect / deviation * std::sqrt(as_double(count));
  // Boost's noncentral t loses its footing far out, where the answer is known anyway.
  if (shift > critical + 30.0) return 1.0;
  if (shift < -30.0) return 0.0;
  return cdf(complement(boost::math::non_central_t(freedom, shift), critical));
}

double smallest_effect(double deviation, std::size_t count, double alpha, double power) {
  if (!(deviation > 0.0)) return 0.0;
  double low = 0.0;
  double high = deviation;
  while (t_test_power(high, deviation, count, alpha) < power)
    high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (t_test_power(middle, deviation, count, alpha) < power ? low : high) = middle;
  }
  return high;
}

std::size_t count_for_power(double effect, double deviation, double alpha, double power,
                            std::size_t most) {
  if (!(effect > 0.0)) return most;
  // Power grows with the count, so halving finds the first that is enough.
  std::size_t low = 1;
  std::size_t high = 2;
  while (high < most && t_test_power(effect, deviation, high, alpha) < power) {
    low = high;
    high = std::min(2 * high, most);
  }
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (t_test_power(effect, deviation, middle, alpha) < power ? low : high) = middle;
  }
  return high;
}

double percentile(std::vector<double> values, double share) {
  PLATEAU_CHECK(!values.empty(), "a percentile of nothing");
  std::sort(values.begin(), values.end());
  const double place = share * as_double(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= values.size()) return values.back();
  const double part = place - as_double(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

Interval bootstrap_interval(const std::vector<double>& values,
                            const std::vector<std::vector<std::size_t>>& resamples,
                            double confidence) {
  std::vector<double> means;
  means.reserve(resamples.size());
  for (const std::vector<std::size_t>& resample : resamples) {
    std::vector<double> drawn;
    drawn.reserve(resample.size());
    for (std::size_t place : resample)
      drawn.push_back(values.at(place));
    means.push_back(mean(drawn));
  }
  const double tail = (1.0 - confidence) / 2;
  return {percentile(means, tail), percentile(means, 1.0 - tail)};
}

}  // namespace plateau::statistics
