#include "coordinator/search/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace plateau::search {
namespace {

// Points older than this many fade: weights rise in a line from 1 / n to 1 over them (the weights
// of Bergstra et al. 2013).
constexpr std::size_t kFullWeight = 25;

std::vector<double> weights_of(std::size_t points) {
  std::vector<double> weights(points, 1.0);
  if (points > kFullWeight) {
    const std::size_t fading = points - kFullWeight;
    for (std::size_t i = 0; i < fading; ++i) {
      const double share =
          fading == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(fading - 1);
      const double least = 1.0 / static_cast<double>(points);
      weights[i] = least + share * (1.0 - least);
    }
  }
  weights.push_back(1.0);  // the prior
  double sum = 0;
  for (const double weight : weights)
    sum += weight;
  for (double& weight : weights)
    weight /= sum;
  return weights;
}

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// The mass of a normal around `centre`, cut to [0, 1], between two places.
double mass_between(double centre, double width, double from, double to) {
  const double all = normal_cdf((1 - centre) / width) - normal_cdf((0 - centre) / width);
  return (normal_cdf((to - centre) / width) - normal_cdf((from - centre) / width)) / all;
}

double draw_normal_in_unit(double centre, double width, Random& random) {
  // The centre lies in [0, 1], so half of all draws do at least where width is below 1.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const double place = centre + width * random.normal();
    if (place >= 0 && place < 1) return place;
  }
  return centre;
}

// Share of a categorical kernel that is spread by the prior, with n points.
double spread(std::size_t points) {
  return 1.0 / (1.0 + static_cast<double>(points));
}

}  // namespace

ParzenDensity::ParzenDensity(const Space& space, std::vector<Point> points)
    : space_(space), points_(std::move(points)), weights_(weights_of(points_.size())) {
  const auto dimensions = static_cast<double>(space.dimensions.size());
  for (std::size_t d = 0; d < space.dimensions.size(); ++d) {
    const auto with = static_cast<double>(std::count_if(
        points_.begin(), points_.end(), [d](const Point& point) { return point[d].has_value(); }));
    // Scott's rule, with 0.2 of the cube's edge as the scale; never so narrow that the search
    // repeats itself.
    const double scott = 0.2 * std::pow(std::max(with, 1.0), -1.0 / (dimensions + 4));
    widths_.push_back(std::max(scott, 1.0 / std::min(100.0, 2.0 + with)));
  }
}

double ParzenDensity::log_kernel(std::size_t dimension, const Point& centre, double value) const {
  const Dimension& axis = space_.dimensions[dimension];
  const double width = widths_[dimension];
  if (const auto* categorical = std::get_if<Categorical>(&axis.kind)) {
    const double share = spread(points_.size());
    const double prior = categorical->probabilities[static_cast<std::size_t>(value)];
    return std::log(share * prior + (*centre[dimension] == value ? 1 - share : 0.0));
  }
  const double at = place_of(axis, *centre[dimension]);
  if (const auto* ordered = std::get_if<Ordered>(&axis.kind)) {
    const auto level = static_cast<std::size_t>(value);
    const double from = level == 0 ? 0.0 : ordered->upper[level - 1];
    return std::log(std::max(mass_between(at, width, from, ordered->upper[level]), 1e-300));
  }
  const double z = (value - at) / width;
  const double all = normal_cdf((1 - at) / width) - normal_cdf((0 - at) / width);
  return -0.5 * z * z - std::log(width * std::sqrt(2 * M_PI) * all);
}

double ParzenDensity::draw(std::size_t dimension, const Point& centre, Random& random) const {
  const Dimension& axis = space_.dimensions[dimension];
  if (std::holds_alternative<Categorical>(axis.kind)) {
    const bool by_prior = random.uniform() < spread(points_.size());
    return by_prior ? value_at(axis, random.uniform()) : *centre[dimension];
  }
  const double at = place_of(axis, *centre[dimension]);
  return value_at(axis, draw_normal_in_unit(at, widths_[dimension], random));
}

Point ParzenDensity::sample(Random& random) const {
  double left = random.uniform();
  std::size_t chosen = 0;
  while (chosen < points_.size() && left >= weights_[chosen])
    left -= weights_[chosen++];
  if (chosen == points_.size()) return random_point(space_, random);
  const Point& centre = points_[chosen];
  Point point;
  for (std::size_t d = 0; d < space_.dimensions.size(); ++d) {
    const Dimension& axis = space_.dimensions[d];
    if (axis.exists && !axis.exists(point)) {
      point.push_back(std::nullopt);
    } else {
      point.push_back(centre[d] ? draw(d, centre, random) : value_at(axis, random.uniform()));
    }
  }
  return point;
}

double ParzenDensity::log_density(const Point& point) const {
  double log_prior = 0;  // 0 for Continuous: the prior's density in the cube is 1
  std::vector<double> prior(point.size(), 0.0);
  for (std::size_t d = 0; d < point.size(); ++d) {
    const Dimension& axis = space_.dimensions[d];
    if (!point[d]) continue;
    if (const auto* categorical = std::get_if<Categorical>(&axis.kind)) {
      prior[d] = std::log(categorical->probabilities[static_cast<std::size_t>(*point[d])]);
    } else if (const auto* ordered = std::get_if<Ordered>(&axis.kind)) {
      const auto level = static_cast<std::size_t>(*point[d]);
      prior[d] = std::log(ordered->upper[level] - (level == 0 ? 0.0 : ordered->upper[level - 1]));
    }
    log_prior += prior[d];
  }
  std::vector<double> terms;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    double term = std::log(weights_[i]);
    for (std::size_t d = 0; d < point.size(); ++d) {
      if (point[d]) term += points_[i][d] ? log_kernel(d, points_[i], *point[d]) : prior[d];
    }
    terms.push_back(term);
  }
  terms.push_back(std::log(weights_.back()) + log_prior);
  const double largest = *std::max_element(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms)
    sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace plateau::search
