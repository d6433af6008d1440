#include "coordinator/search/space.h"

#include <algorithm>

#include "common/base/check.h"

namespace plateau::search {
namespace {

constexpr double kBelowOne = 1.0 - 1e-12;

// Upper bounds of the levels' places; empty for Continuous.
std::vector<double> bounds(const Dimension& dimension) {
  if (const auto* ordered = std::get_if<Ordered>(&dimension.kind)) return ordered->upper;
  std::vector<double> upper;
  if (const auto* categorical = std::get_if<Categorical>(&dimension.kind)) {
    double sum = 0;
    for (const double probability : categorical->probabilities)
      upper.push_back(sum += probability);
    upper.back() = 1.0;
  }
  return upper;
}

bool exists(const Dimension& dimension, const Point& point) {
  return !dimension.exists || dimension.exists(point);
}

// Adds to `count` the points that begin with `point`; false: more than `limit`.
bool count_from(const Space& space, Point& point, std::size_t limit, std::size_t& count) {
  const std::size_t at = point.size();
  if (at == space.dimensions.size()) return ++count <= limit;
  const Dimension& dimension = space.dimensions[at];
  if (!exists(dimension, point)) {
    point.push_back(std::nullopt);
    const bool few = count_from(space, point, limit, count);
    point.pop_back();
    return few;
  }
  const std::size_t levels = level_count(dimension);
  if (levels == 0) return false;
  for (std::size_t level = 0; level < levels; ++level) {
    point.push_back(static_cast<double>(level));
    const bool few = count_from(space, point, limit, count);
    point.pop_back();
    if (!few) return false;
  }
  return true;
}

}  // namespace

Ordered evenly(std::size_t levels) {
  PLATEAU_CHECK(levels > 0, "a dimension has at least one level");
  Ordered ordered;
  for (std::size_t level = 1; level <= levels; ++level)
    ordered.upper.push_back(static_cast<double>(level) / static_cast<double>(levels));
  return ordered;
}

Categorical equally_likely(std::size_t levels) {
  PLATEAU_CHECK(levels > 0, "a dimension has at least one level");
  return {std::vector<double>(levels, 1.0 / static_cast<double>(levels))};
}

std::size_t level_count(const Dimension& dimension) {
  if (const auto* ordered = std::get_if<Ordered>(&dimension.kind)) return ordered->upper.size();
  if (const auto* categorical = std::get_if<Categorical>(&dimension.kind)) {
    return categorical->probabilities.size();
  }
  return 0;
}

double place_of(const Dimension& dimension, double value) {
  const std::vector<double> upper = bounds(dimension);
  if (upper.empty()) return std::clamp(value, 0.0, kBelowOne);
  const auto level = static_cast<std::size_t>(value);
  PLATEAU_CHECK(level < upper.size(), "a level that the dimension has");
  return ((level == 0 ? 0.0 : upper[level - 1]) + upper[level]) / 2;
}

double value_at(const Dimension& dimension, double place) {
  const std::vector<double> upper = bounds(dimension);
  if (upper.empty()) return std::clamp(place, 0.0, kBelowOne);
  const auto found = std::upper_bound(upper.begin(), upper.end(), place);
  return static_cast<double>(std::min<std::ptrdiff_t>(
      found - upper.begin(), static_cast<std::ptrdiff_t>(upper.size()) - 1));
}

Point point_at(const Space& space, const std::vector<double>& cube) {
  PLATEAU_CHECK(cube.size() == space.dimensions.size(), "one coordinate for each dimension");
  Point point;
  for (std::size_t d = 0; d < cube.size(); ++d) {
    const Dimension& dimension = space.dimensions[d];
    point.push_back(exists(dimension, point) ? std::optional(value_at(dimension, cube[d]))
                                             : std::nullopt);
  }
  return point;
}

Point random_point(const Space& space, Random& random) {
  std::vector<double> cube;
  for (std::size_t d = 0; d < space.dimensions.size(); ++d)
    cube.push_back(random.uniform());
  return point_at(space, cube);
}

std::optional<std::size_t> count_points(const Space& space, std::size_t limit) {
  Point point;
  std::size_t count = 0;
  if (!count_from(space, point, limit, count)) return std::nullopt;
  return count;
}

}  // namespace plateau::search
