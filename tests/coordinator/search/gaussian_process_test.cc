#include "coordinator/search/gaussian_process.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/coordinator/search/spaces.h"

namespace plateau::search {
namespace {

Matrix example() {
  Matrix a(3);
  const double entries[3][3] = {{4, 2, 0.6}, {2, 5, 1}, {0.6, 1, 3}};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j)
      a.at(i, j) = entries[i][j];
  }
  return a;
}

TEST(Dense, factor_solve_and_inverse_agree_with_the_matrix) {
  const Matrix a = example();
  const std::optional<Matrix> l = cholesky(a);
  ASSERT_TRUE(l);
  const std::vector<double> x = solve_upper(*l, solve_lower(*l, {1, 2, 3}));
  const Matrix inverse = inverse_of(*l);
  for (std::size_t i = 0; i < 3; ++i) {
    double product = 0;
    for (std::size_t k = 0; k < 3; ++k)
      product += a.at(i, k) * x[k];
    EXPECT_NEAR(product, static_cast<double>(i + 1), 1e-12);
    for (std::size_t j = 0; j < 3; ++j) {
      double entry = 0;
      for (std::size_t k = 0; k < 3; ++k)
        entry += a.at(i, k) * inverse.at(k, j);
      EXPECT_NEAR(entry, i == j ? 1 : 0, 1e-12);
    }
  }
  Matrix singular(2);
  singular.at(0, 0) = singular.at(1, 0) = singular.at(1, 1) = 1;
  singular.at(1, 1) = 0.5;
  EXPECT_FALSE(cholesky(singular));
}

struct Sample {
  std::vector<Point> points;
  std::vector<double> values;
};

// A smooth function of the square, of about mean 0 and variance 1.
Sample waves(std::size_t count) {
  Random random(11);
  Sample sample;
  for (std::size_t i = 0; i < count; ++i) {
    sample.points.push_back(random_point(square(), random));
    const Point& point = sample.points.back();
    sample.values.push_back(1.4 * std::sin(6 * *point[0]) * std::cos(3 * *point[1]));
  }
  return sample;
}

TEST(GaussianProcess, its_gradient_is_that_of_its_posterior) {
  const Space space = square();
  const Sample sample = waves(12);
  const GaussianProcess process(space, sample.points, sample.values);
  const Kernel at{{-0.9, 0.2}, 0.3, -3.0};
  std::vector<double> gradient;
  process.log_posterior(at, &gradient);
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < 4; ++i) {
    Kernel up = at;
    Kernel down = at;
    const auto move = [i](Kernel& kernel, double by) {
      (i < 2 ? kernel.log_lengths[i] : i == 2 ? kernel.log_amplitude : kernel.log_noise) += by;
    };
    move(up, kStep);
    move(down, -kStep);
    const double slope =
        (process.log_posterior(up, nullptr) - process.log_posterior(down, nullptr)) / (2 * kStep);
    EXPECT_NEAR(gradient[i], slope, 1e-4 * std::max(1.0, std::abs(slope))) << i;
  }
}

TEST(GaussianProcess, learns_a_smooth_function_and_knows_where_it_knows_nothing) {
  const Space space = square();
  const Sample sample = waves(40);
  const GaussianProcess process(space, sample.points, sample.values);
  const double fitted = process.log_posterior(process.kernel(), nullptr);
  EXPECT_GT(fitted, process.log_posterior({{-0.35, -0.35}, 0.0, -6.0}, nullptr));
  double worst = 0;
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const Point point = {0.1 + 0.8 * random.uniform(), 0.1 + 0.8 * random.uniform()};
    const double truth = 1.4 * std::sin(6 * *point[0]) * std::cos(3 * *point[1]);
    worst = std::max(worst, std::abs(process.predict(point).mean - truth));
  }
  EXPECT_LT(worst, 0.25);
  EXPECT_NEAR(process.predict(sample.points[3]).mean, sample.values[3], 0.05);
  const GaussianProcess few(space, {{0.1, 0.1}, {0.2, 0.1}}, {1.0, -1.0});
  EXPECT_GT(few.predict({0.9, 0.9}).variance, 3 * few.predict({0.1, 0.1}).variance);
}

TEST(GaussianProcess, what_it_believes_lowers_the_variance_and_keeps_the_mean) {
  const Space space = square();
  const Sample sample = waves(12);
  GaussianProcess process(space, sample.points, sample.values);
  const Point point = {0.05, 0.95};
  const Prediction before = process.predict(point);
  process.believe(point);
  const Prediction after = process.predict(point);
  EXPECT_NEAR(after.mean, before.mean, 0.02);
  EXPECT_LT(after.variance, 0.2 * before.variance);
}

// By quadrature, and across the border between its two formulas.
TEST(ExpectedImprovement, is_the_integral_that_defines_it) {
  for (const double mean : {-1.0, 0.5, 3.0}) {
    const Prediction prediction{mean, 0.49};
    double expected = 0;
    constexpr int kSteps = 200'000;
    for (int i = 0; i < kSteps; ++i) {
      const double value = -10 + 20 * (i + 0.5) / kSteps;
      const double z = (value - mean) / 0.7;
      expected += std::max(0.0, 0.2 - value) * std::exp(-0.5 * z * z) /
                  (0.7 * std::sqrt(2 * M_PI)) * 20 / kSteps;
    }
    EXPECT_NEAR(log_expected_improvement(prediction, 0.2), std::log(expected), 1e-6);
  }
  EXPECT_NEAR(log_expected_improvement({5.001, 1.0}, 0), log_expected_improvement({4.999, 1.0}, 0),
              0.02);
  EXPECT_TRUE(std::isfinite(log_expected_improvement({1e6, 1e-6}, 0)));
}

}  // namespace
}  // namespace plateau::search
