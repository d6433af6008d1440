#include "common/spec/distribution.h"

#include <algorithm>
#include <cmath>

#include <boost/math/special_functions/beta.hpp>

#include "common/base/check.h"

namespace plateau {
namespace {

double normal_below(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// By bisection: 80 halvings of [-40, 40] are below a double's resolution, and no table of
// coefficients has to be trusted.
double normal_at(double u) {
  double low = -40, high = 40;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (normal_below(middle) < u ? low : high) = middle;
  }
  return (low + high) / 2;
}

double below(const Beta& shape, double value) {
  return boost::math::ibeta(shape.a, shape.b, std::clamp(value, 0.0, 1.0));
}

double at(const IntUniform& shape, double u) {
  const double count = static_cast<double>(shape.high) - static_cast<double>(shape.low) + 1;
  const double index = std::min(std::floor(u * count), count - 1);
  return static_cast<double>(shape.low) + index;
}
double at(const Uniform& shape, double u) {
  return shape.low + u * (shape.high - shape.low);
}
double at(const LogUniform& shape, double u) {
  if (u >= 1) return shape.high;  // Not one rounding below it.
  const double low = std::log(shape.low), high = std::log(shape.high);
  return std::clamp(std::exp(low + u * (high - low)), shape.low, shape.high);
}
double at(const Normal& shape, double u) {
  return shape.mu + shape.sigma * normal_at(u);
}
double at(const LogNormal& shape, double u) {
  return std::exp(shape.mu + shape.sigma * normal_at(u));
}
double at(const Beta& shape, double u) {
  if (u <= 0 || u >= 1) return u;
  double low = 0, high = 1;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (below(shape, middle) < u ? low : high) = middle;
  }
  return (low + high) / 2;
}

double below(const IntUniform& shape, double value) {
  const double low = static_cast<double>(shape.low), high = static_cast<double>(shape.high);
  return (value - low + 0.5) / (high - low + 1);
}
double below(const Uniform& shape, double value) {
  return (value - shape.low) / (shape.high - shape.low);
}
double below(const LogUniform& shape, double value) {
  if (value <= 0) return 0;
  return std::log(value / shape.low) / std::log(shape.high / shape.low);
}
double below(const Normal& shape, double value) {
  return normal_below((value - shape.mu) / shape.sigma);
}
double below(const LogNormal& shape, double value) {
  return value <= 0 ? 0 : normal_below((std::log(value) - shape.mu) / shape.sigma);
}

}  // namespace

double value_at(const Distribution& distribution, double u) {
  PLATEAU_CHECK(u >= 0 && u <= 1, "a share lies in [0, 1]");
  double value = std::visit([u](const auto& shape) { return at(shape, u); }, distribution.shape);
  if (distribution.quantum > 0) {
    value = std::round(value / distribution.quantum) * distribution.quantum;
  }
  return std::clamp(value, distribution.lowest, distribution.highest);
}

double share_below(const Distribution& distribution, double value) {
  const double share =
      std::visit([value](const auto& shape) { return below(shape, value); }, distribution.shape);
  return std::clamp(share, 0.0, 1.0);
}

}  // namespace plateau
