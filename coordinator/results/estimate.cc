#include "coordinator/results/estimate.h"

#include "common/base/random.h"

namespace plateau::results {
namespace {

constexpr double kConfidence = 0.95;
constexpr std::size_t kResamples = 9999;

}  // namespace

std::vector<std::vector<std::size_t>> resamples_of(std::size_t count, std::size_t resamples,
                                                   const std::string& name) {
  Random random(derive_seed(0, "resamples of " + name));
  std::vector<std::vector<std::size_t>> all(resamples);
  for (auto& resample : all) {
    for (std::size_t i = 0; i < count; ++i)
      resample.push_back(random.below(count));
  }
  return all;
}

std::optional<Estimate> estimate(const std::vector<double>& values, Aggregate aggregate,
                                 const std::string& name) {
  if (values.empty()) return std::nullopt;
  Estimate result;
  result.center = statistics::mean(values);
  if (aggregate == Aggregate::kMedian) {
    result.center = statistics::percentile(values, 0.5);
  }
  if (values.size() < 2) return result;
  switch (aggregate) {
    case Aggregate::kDeviation:
      result.half = statistics::standard_deviation(values);
      break;
    case Aggregate::kStudent: {
      const auto interval = statistics::t_interval(values, kConfidence);
      result.half = (interval.high - interval.low) / 2;
      break;
    }
    case Aggregate::kBootstrap:
      result.interval = statistics::bootstrap_interval(
          values, resamples_of(values.size(), kResamples, name), kConfidence);
      break;
    case Aggregate::kMedian:
      result.interval = {statistics::percentile(values, 0.0), statistics::percentile(values, 1.0)};
      break;
  }
  return result;
}

}  // namespace plateau::results
