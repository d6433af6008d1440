// Intervals and power from Student's t (Boost.Math) and the percentile bootstrap. Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace plateau::statistics {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

// Every function below wants at least one value, and two where it needs a spread.
double mean(const std::vector<double>& values);
double standard_deviation(const std::vector<double>& values);  // n - 1

// Mean ± t quantile * standard error; confidence in (0, 1). At least two values.
Interval t_interval(const std::vector<double>& values, double confidence);

// One-sided p of "the mean is above `threshold`", one-sample t. Without any spread the p is 0 or 1.
double t_test_above(const std::vector<double>& values, double threshold);

// The power of that test at level `alpha` when the true mean lies `effect` above the threshold and
// single values scatter with `deviation`: from the noncentral t. count >= 2.
double t_test_power(double effect, double deviation, std::size_t count, double alpha);
// The smallest effect that the test finds with this power.
double smallest_effect(double deviation, std::size_t count, double alpha, double power);
// How many values it takes; `most` when more would be needed.
std::size_t count_for_power(double effect, double deviation, double alpha, double power,
                            std::size_t most = 1000);

// resamples[b][i] is the place in `values` of the i-th draw of the b-th resample. Interval of the
// mean between the percentiles (1 - confidence) / 2 and its complement, interpolated linearly
// (numpy's default). At least one resample, none empty.
Interval bootstrap_interval(const std::vector<double>& values,
                            const std::vector<std::vector<std::size_t>>& resamples,
                            double confidence);

// Linear interpolation between order statistics at share * (n - 1); share in [0, 1].
double percentile(std::vector<double> values, double share);

}  // namespace plateau::statistics
