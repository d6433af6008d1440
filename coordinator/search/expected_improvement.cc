// The acquisition of the Gaussian process: where to look next.
#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "coordinator/search/gaussian_process.h"
#include "coordinator/search/sobol.h"

namespace plateau::search {
namespace {

constexpr int kCandidates = 1024;  // over the whole space
constexpr int kClimbs = 5;         // from the best of them
constexpr int kClimbSteps = 60;

struct Data {
  std::vector<Point> points;
  std::vector<double> losses;  // of mean 0 and variance 1
  std::vector<Point> running;
  double best = 0;
  Point best_point;
};

void standardise(std::vector<double>& values) {
  double mean = 0;
  for (const double value : values)
    mean += value / static_cast<double>(values.size());
  double variance = 0;
  for (const double value : values)
    variance += std::pow(value - mean, 2) / static_cast<double>(values.size());
  const double scale = variance > 0 ? std::sqrt(variance) : 1.0;
  for (double& value : values)
    value = (value - mean) / scale;
}

Data data_of(const History& history) {
  Data data;
  std::vector<Point> failed;
  for (const Observation& observation : history) {
    if (const auto* finished = std::get_if<Finished>(&observation.outcome)) {
      data.points.push_back(observation.point);
      data.losses.push_back(finished->loss);
    } else if (const auto* stopped = std::get_if<Stopped>(&observation.outcome)) {
      data.points.push_back(observation.point);
      data.losses.push_back(stopped->loss);
    } else if (std::holds_alternative<Failed>(observation.outcome)) {
      failed.push_back(observation.point);
    } else {
      data.running.push_back(observation.point);
    }
  }
  PLATEAU_CHECK(data.points.size() >= 2, "two points with a loss");
  const double worst = *std::max_element(data.losses.begin(), data.losses.end());
  for (const Point& point : failed) {
    data.points.push_back(point);
    data.losses.push_back(worst);
  }
  standardise(data.losses);
  const auto best = std::min_element(data.losses.begin(), data.losses.end());
  data.best = *best;
  data.best_point = data.points[static_cast<std::size_t>(best - data.losses.begin())];
  return data;
}

// A neighbour: each dimension moves with some chance, a coordinate by a normal of `width`.
Point neighbour(const Space& space, const Point& point, double width, Random& random) {
  const std::size_t dimensions = space.dimensions.size();
  const std::size_t surely = random.below(dimensions);
  const double chance = std::max(0.3, 1.0 / static_cast<double>(dimensions));
  std::vector<double> cube;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const Dimension& axis = space.dimensions[d];
    const bool moves = d == surely || random.uniform() < chance;
    const double fresh = random.uniform();
    const double shift = width * random.normal();
    if (!point[d] || (moves && std::holds_alternative<Categorical>(axis.kind))) {
      cube.push_back(fresh);
    } else {
      const double place = place_of(axis, *point[d]) + (moves ? shift : 0.0);
      cube.push_back(std::clamp(place, 0.0, 1.0 - 1e-9));
    }
  }
  return point_at(space, cube);
}

}  // namespace

double log_expected_improvement(const Prediction& prediction, double best) {
  const double deviation = std::sqrt(prediction.variance);
  const double z = (best - prediction.mean) / deviation;
  const double log_density = -0.5 * z * z - 0.5 * std::log(2 * M_PI);
  double log_h = 0;  // of density(z) + z * cdf(z)
  if (z > -5) {
    log_h = std::log(std::exp(log_density) + z * 0.5 * std::erfc(-z / std::sqrt(2.0)));
  } else {
    // Far out, density(z) + z cdf(z) is density(z) (1/z^2 - 3/z^4 + 15/z^6 - ...).
    const double inverse = 1 / (z * z);
    log_h = log_density + std::log(inverse * (1 - 3 * inverse + 15 * inverse * inverse));
  }
  return std::log(deviation) + log_h;
}

Point gp_candidate(const Space& space, const History& history, Random& random) {
  Data data = data_of(history);
  GaussianProcess process(space, std::move(data.points), std::move(data.losses));
  for (const Point& point : data.running)
    process.believe(point);
  const std::uint64_t scramble = random.next();
  std::vector<std::pair<double, Point>> scored;
  const auto consider = [&](Point point) {
    const double score = log_expected_improvement(process.predict(point), data.best);
    scored.emplace_back(score, std::move(point));
  };
  for (std::uint64_t i = 0; i < kCandidates; ++i)
    consider(point_at(space, sobol_point(i, space.dimensions.size(), scramble)));
  for (const double width : {0.1, 0.03, 0.01, 0.003}) {
    for (int i = 0; i < 32; ++i)
      consider(neighbour(space, data.best_point, width, random));
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  scored.resize(kClimbs);
  for (auto& [score, point] : scored) {
    double width = 0.1;
    for (int step = 0; step < kClimbSteps; ++step) {
      Point next = neighbour(space, point, width, random);
      const double there = log_expected_improvement(process.predict(next), data.best);
      if (there > score) {
        score = there;
        point = std::move(next);
      } else {
        width *= 0.93;
      }
    }
  }
  return std::max_element(scored.begin(), scored.end(),
                          [](const auto& a, const auto& b) { return a.first < b.first; })
      ->second;
}

}  // namespace plateau::search
