#include "common/spec/distribution.h"

#include <algorithm>
#include <cmath>

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

// The continued fraction of the incomplete beta function, by Lentz's method. It converges fast for
// x below (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int i = 1; i < 100'000; ++i) {
    const double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

double beta_below(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
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
    (beta_below(shape.a, shape.b, middle) < u ? low : high) = middle;
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
double below(const Beta& shape, double value) {
  return beta_below(shape.a, shape.b, value);
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
