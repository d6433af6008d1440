#include "coordinator/search/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/check.h"

namespace plateau::search {
namespace {

constexpr double kRoot5 = 2.2360679774997896;
// Added to the diagonal whatever the noise: keeps the factorisation sound.
constexpr double kJitter = 1e-8;
constexpr int kFitSteps = 60;

// Log-normal priors: of a length (its place moves with the dimensions), of the amplitude and of the
// noise.
constexpr double kLengthSpread = 1.0;
constexpr double kAmplitudeSpread = 1.0;
constexpr double kNoisePlace = -9.0;
constexpr double kNoiseSpread = 2.5;

double length_place(std::size_t dimensions) {
  return -0.7 + 0.5 * std::log(static_cast<double>(dimensions));
}

double log_normal_prior(double x, double place, double spread, double& slope) {
  const double z = (x - place) / spread;
  slope = -z / spread;
  return -0.5 * z * z;
}

double matern(double r) {
  return (1 + kRoot5 * r + 5 * r * r / 3) * std::exp(-kRoot5 * r);
}

// -dk/dr / r: finite at r = 0.
double matern_slope(double r) {
  return 5.0 / 3 * (1 + kRoot5 * r) * std::exp(-kRoot5 * r);
}

Kernel kernel_of(const std::vector<double>& numbers) {
  const std::size_t dimensions = numbers.size() - 2;
  Kernel kernel;
  kernel.log_lengths.assign(numbers.begin(),
                            numbers.begin() + static_cast<std::ptrdiff_t>(dimensions));
  kernel.log_amplitude = numbers[dimensions];
  kernel.log_noise = numbers[dimensions + 1];
  return kernel;
}

}  // namespace

GaussianProcess::GaussianProcess(const Space& space, std::vector<Point> points,
                                 std::vector<double> values)
    : space_(space), points_(std::move(points)), values_(std::move(values)) {
  PLATEAU_CHECK(points_.size() == values_.size() && points_.size() >= 2,
                "a value for each of at least two points");
  const std::size_t n = points_.size();
  for (std::size_t d = 0; d < space_.dimensions.size(); ++d) {
    std::vector<double>& squares = squares_.emplace_back(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j)
        squares[i * n + j] = std::pow(distance(d, points_[i], points_[j]), 2);
    }
  }
  fit();
  factorise();
}

double GaussianProcess::distance(std::size_t dimension, const Point& a, const Point& b) const {
  const std::optional<double>& left = a[dimension];
  const std::optional<double>& right = b[dimension];
  if (left.has_value() != right.has_value()) return 1;
  if (!left) return 0;
  const Dimension& axis = space_.dimensions[dimension];
  if (std::holds_alternative<Categorical>(axis.kind)) return *left == *right ? 0 : 1;
  return place_of(axis, *left) - place_of(axis, *right);
}

double GaussianProcess::log_posterior(const Kernel& kernel, std::vector<double>* gradient) const {
  const std::size_t n = values_.size();
  const std::size_t dimensions = squares_.size();
  const double amplitude = std::exp(kernel.log_amplitude);
  const double noise = std::exp(kernel.log_noise);
  Matrix covariance(n);
  Matrix slopes(n);
  std::vector<double> scales;  // 1 / length^2
  for (const double log_length : kernel.log_lengths)
    scales.push_back(std::exp(-2 * log_length));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double square = 0;
      for (std::size_t d = 0; d < dimensions; ++d)
        square += squares_[d][i * n + j] * scales[d];
      const double r = std::sqrt(square);
      covariance.at(i, j) = amplitude * matern(r) + (i == j ? noise + kJitter : 0);
      slopes.at(i, j) = amplitude * matern_slope(r);
    }
  }
  const std::optional<Matrix> factor = cholesky(covariance);
  if (!factor) return -std::numeric_limits<double>::infinity();
  const std::vector<double> half = solve_lower(*factor, values_);
  double posterior = 0;
  for (std::size_t i = 0; i < n; ++i)
    posterior -= 0.5 * half[i] * half[i] + std::log(factor->at(i, i));

  std::vector<double> slope(dimensions + 2, 0.0);
  for (std::size_t d = 0; d < dimensions; ++d)
    posterior +=
        log_normal_prior(kernel.log_lengths[d], length_place(dimensions), kLengthSpread, slope[d]);
  posterior += log_normal_prior(kernel.log_amplitude, 0.0, kAmplitudeSpread, slope[dimensions]);
  posterior += log_normal_prior(kernel.log_noise, kNoisePlace, kNoiseSpread, slope[dimensions + 1]);
  if (gradient == nullptr) return posterior;

  // d/dt log p = 1/2 tr((a a^T - K^-1) dK/dt).
  const std::vector<double> alpha = solve_upper(*factor, half);
  const Matrix inverse = inverse_of(*factor);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double weight = (i == j ? 0.5 : 1.0) * (alpha[i] * alpha[j] - inverse.at(i, j));
      for (std::size_t d = 0; d < dimensions; ++d)
        slope[d] += weight * slopes.at(i, j) * squares_[d][i * n + j] * scales[d];
      const double diagonal = i == j ? noise + kJitter : 0;
      slope[dimensions] += weight * (covariance.at(i, j) - diagonal);
      if (i == j) slope[dimensions + 1] += weight * noise;
    }
  }
  *gradient = std::move(slope);
  return posterior;
}

// Resilient steps (Riedmiller and Braun 1993): each number has a step of its own, which grows while
// its slope keeps its sign. Needs no line search and no scale.
void GaussianProcess::fit() {
  const std::size_t dimensions = squares_.size();
  std::vector<double> numbers(dimensions, length_place(dimensions));
  numbers.push_back(0.0);
  numbers.push_back(-6.0);
  std::vector<double> steps(numbers.size(), 0.2);
  std::vector<double> before(numbers.size(), 0.0);
  std::vector<double> gradient;
  double best = -std::numeric_limits<double>::infinity();
  kernel_ = kernel_of(numbers);
  for (int step = 0; step < kFitSteps; ++step) {
    const double posterior = log_posterior(kernel_of(numbers), &gradient);
    if (!std::isfinite(posterior)) break;
    if (posterior > best) {
      best = posterior;
      kernel_ = kernel_of(numbers);
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double turned = gradient[i] * before[i];
      steps[i] = std::clamp(steps[i] * (turned > 0 ? 1.2 : turned < 0 ? 0.5 : 1.0), 1e-4, 1.0);
      if (turned >= 0) numbers[i] += gradient[i] > 0 ? steps[i] : gradient[i] < 0 ? -steps[i] : 0;
      before[i] = turned < 0 ? 0 : gradient[i];
      numbers[i] = std::clamp(numbers[i], -18.0, 6.0);
    }
  }
}

void GaussianProcess::factorise() {
  const std::size_t n = points_.size();
  Matrix covariance(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double square = 0;
      for (std::size_t d = 0; d < space_.dimensions.size(); ++d) {
        square +=
            std::pow(distance(d, points_[i], points_[j]) / std::exp(kernel_.log_lengths[d]), 2);
      }
      covariance.at(i, j) = std::exp(kernel_.log_amplitude) * matern(std::sqrt(square)) +
                            (i == j ? std::exp(kernel_.log_noise) + kJitter : 0);
    }
  }
  std::optional<Matrix> factor = cholesky(covariance);
  for (double jitter = 1e-7; !factor; jitter *= 10) {
    for (std::size_t i = 0; i < n; ++i)
      covariance.at(i, i) += jitter;
    factor = cholesky(covariance);
  }
  factor_ = std::move(*factor);
  alpha_ = solve_upper(factor_, solve_lower(factor_, values_));
}

Prediction GaussianProcess::predict(const Point& point) const {
  const double amplitude = std::exp(kernel_.log_amplitude);
  std::vector<double> covariances;
  double mean = 0;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    double square = 0;
    for (std::size_t d = 0; d < space_.dimensions.size(); ++d)
      square += std::pow(distance(d, point, points_[i]), 2) * std::exp(-2 * kernel_.log_lengths[d]);
    covariances.push_back(amplitude * matern(std::sqrt(square)));
    mean += covariances.back() * alpha_[i];
  }
  double variance = amplitude;
  for (const double part : solve_lower(factor_, std::move(covariances)))
    variance -= part * part;
  return {mean, std::max(variance, 1e-12)};
}

void GaussianProcess::believe(const Point& point) {
  values_.push_back(predict(point).mean);
  points_.push_back(point);
  factorise();
}

}  // namespace plateau::search
