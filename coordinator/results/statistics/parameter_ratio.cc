#include "coordinator/results/statistics/parameter_ratio.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/check.h"

namespace plateau::statistics {
namespace {

// The running maximum of the means over the chosen seeds.
std::vector<double> envelope(const SizeCurve& curve, const std::vector<std::size_t>& seeds) {
  std::vector<double> means(curve.parameters.size(), 0.0);
  for (std::size_t seed : seeds) {
    for (std::size_t i = 0; i < means.size(); ++i)
      means[i] += curve.values.at(seed)[i] / static_cast<double>(seeds.size());
  }
  for (std::size_t i = 1; i < means.size(); ++i)
    means[i] = std::max(means[i], means[i - 1]);
  return means;
}

struct Need {
  double log_parameters = 0.0;
  bool at_smallest = false;
};

// The envelope reaches the level somewhere.
Need need_for(double level, const SizeCurve& curve, const std::vector<double>& means) {
  std::size_t place = 0;
  while (place + 1 < means.size() && means[place] < level)
    ++place;
  const double here = std::log(curve.parameters[place]);
  if (place == 0) return {here, means[0] > level};
  const double before = std::log(curve.parameters[place - 1]);
  const double share = (level - means[place - 1]) / (means[place] - means[place - 1]);
  return {before + share * (here - before), false};
}

ParameterRatio ratio_over(const SizeCurve& first, const SizeCurve& second,
                          const std::vector<std::size_t>& seeds) {
  const std::vector<double> a = envelope(first, seeds);
  const std::vector<double> b = envelope(second, seeds);
  ParameterRatio result;
  result.level = std::min(a.back(), b.back());
  const Need of_first = need_for(result.level, first, a);
  const Need of_second = need_for(result.level, second, b);
  result.first = std::exp(of_first.log_parameters);
  result.second = std::exp(of_second.log_parameters);
  result.ratio = result.second / result.first;
  result.first_at_smallest = of_first.at_smallest;
  result.second_at_smallest = of_second.at_smallest;
  return result;
}

}  // namespace

ParameterRatio parameter_ratio(const SizeCurve& first, const SizeCurve& second,
                               const std::vector<std::vector<std::size_t>>& resamples,
                               double confidence) {
  PLATEAU_CHECK(!first.values.empty() && first.values.size() == second.values.size(),
                "two curves of the same seeds");
  std::vector<std::size_t> everyone(first.values.size());
  std::iota(everyone.begin(), everyone.end(), std::size_t{0});
  ParameterRatio result = ratio_over(first, second, everyone);
  if (resamples.empty() || everyone.size() < 2) return result;
  std::vector<double> ratios;
  for (const std::vector<std::size_t>& seeds : resamples)
    ratios.push_back(ratio_over(first, second, seeds).ratio);
  const double tail = (1.0 - confidence) / 2;
  result.interval = Interval{percentile(ratios, tail), percentile(ratios, 1.0 - tail)};
  return result;
}

}  // namespace plateau::statistics
