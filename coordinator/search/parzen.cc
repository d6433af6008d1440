#include "coordinator/search/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace plateau::search {
namespace {

// Points older than this many fade: weights rise in a line from 1 / n to 1 over them (the weights
// of Bergstra et al. 2013).
constexpr std::size_t kFullWeight = 25;

// The prior counts as so many points. That, and the numbers below, did best of a few from the
// literature (Watanabe 2023) on functions that are none of those in this folder's README.
constexpr double kPriorWeight = 2;
// Share of a categorical kernel that the prior spreads: as if it were so many points of the
// kernel's.
constexpr double kPriorLevels = 4;
// The narrowest of n kernels is (n + 2)^-2 wide ("magic clipping"), and never below this.
constexpr double kNarrowest = 0.01;

std::vector<double> weights_of(const std::vector<Weighted>& points) {
  std::vector<double> weights;
  for (const Weighted& each : points)
    weights.push_back(each.weight);
  if (points.size() > kFullWeight) {
    const std::size_t fading = points.size() - kFullWeight;
    for (std::size_t i = 0; i < fading; ++i) {
      const double share =
          fading == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(fading - 1);
      const double least = 1.0 / static_cast<double>(points.size());
      weights[i] *= least + share * (1.0 - least);
    }
  }
  weights.push_back(kPriorWeight);
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
  return kPriorLevels / (kPriorLevels + static_cast<double>(points));
}

}  // namespace

ParzenDensity::ParzenDensity(const Space& space, std::vector<Weighted> points)
    : space_(space),
      points_(std::move(points)),
      weights_(weights_of(points_)),
      kernels_(points_.size(), std::vector<Kernel>(space.dimensions.size())) {
  for (std::size_t d = 0; d < space.dimensions.size(); ++d) {
    if (!std::holds_alternative<Categorical>(space.dimensions[d].kind)) set_widths(d);
  }
}

void ParzenDensity::set_widths(std::size_t dimension) {
  std::vector<std::pair<double, std::size_t>> places;  // of the points that have it
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const std::optional<double>& value = points_[i].point[dimension];
    if (value) places.emplace_back(place_of(space_.dimensions[dimension], *value), i);
  }
  std::sort(places.begin(), places.end());
  const double least =
      std::max(kNarrowest, std::pow(2.0 + static_cast<double>(places.size()), -2.0));
  for (std::size_t k = 0; k < places.size(); ++k) {
    // The outermost have one gap; a point alone has those to the ends.
    const bool alone = places.size() == 1;
    const double left = k > 0 ? places[k].first - places[k - 1].first : alone ? places[k].first : 0;
    const double right = k + 1 < places.size() ? places[k + 1].first - places[k].first
                         : alone               ? 1 - places[k].first
                                               : 0;
    Kernel& kernel = kernels_[places[k].second][dimension];
    kernel.at = places[k].first;
    kernel.width = std::clamp(std::max(left, right), least, 1.0);
    const double inside =
        normal_cdf((1 - kernel.at) / kernel.width) - normal_cdf((0 - kernel.at) / kernel.width);
    kernel.log_area = std::log(kernel.width * std::sqrt(2 * M_PI) * inside);
  }
}

double ParzenDensity::log_kernel(std::size_t point, std::size_t dimension, double value) const {
  const Dimension& axis = space_.dimensions[dimension];
  if (const auto* categorical = std::get_if<Categorical>(&axis.kind)) {
    const double share = spread(points_.size());
    const double prior = categorical->probabilities[static_cast<std::size_t>(value)];
    return std::log(share * prior + (*points_[point].point[dimension] == value ? 1 - share : 0.0));
  }
  const Kernel& kernel = kernels_[point][dimension];
  if (const auto* ordered = std::get_if<Ordered>(&axis.kind)) {
    const auto level = static_cast<std::size_t>(value);
    const double from = level == 0 ? 0.0 : ordered->upper[level - 1];
    const double mass = mass_between(kernel.at, kernel.width, from, ordered->upper[level]);
    return std::log(std::max(mass, 1e-300));
  }
  const double z = (value - kernel.at) / kernel.width;
  return -0.5 * z * z - kernel.log_area;
}

double ParzenDensity::draw(std::size_t point, std::size_t dimension, Random& random) const {
  const Dimension& axis = space_.dimensions[dimension];
  if (std::holds_alternative<Categorical>(axis.kind)) {
    const bool by_prior = random.uniform() < spread(points_.size());
    return by_prior ? value_at(axis, random.uniform()) : *points_[point].point[dimension];
  }
  const Kernel& kernel = kernels_[point][dimension];
  return value_at(axis, draw_normal_in_unit(kernel.at, kernel.width, random));
}

Point ParzenDensity::sample(Random& random) const {
  double left = random.uniform();
  std::size_t chosen = 0;
  while (chosen < points_.size() && left >= weights_[chosen])
    left -= weights_[chosen++];
  if (chosen == points_.size()) return random_point(space_, random);
  const Point& centre = points_[chosen].point;
  Point point;
  for (std::size_t d = 0; d < space_.dimensions.size(); ++d) {
    const Dimension& axis = space_.dimensions[d];
    if (axis.exists && !axis.exists(point)) {
      point.push_back(std::nullopt);
    } else {
      point.push_back(centre[d] ? draw(chosen, d, random) : value_at(axis, random.uniform()));
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
      if (point[d]) term += points_[i].point[d] ? log_kernel(i, d, *point[d]) : prior[d];
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
