// Activations and column sums against LibTorch's own operations.
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worker/kernels/activations.h"
#include "worker/kernels/column_dots.h"
#include "worker/kernels/low_rank.h"

namespace plateau::kernels {
namespace {

// From where nothing is left to where everything is, in steps that miss no bend; an odd count.
at::Tensor places(at::ScalarType dtype) {
  const at::Tensor line = at::linspace(-20, 20, 4001, at::kDouble).view({1, -1});
  return at::cat({line, line * 5}).to(dtype).contiguous();
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

struct Precision {
  at::ScalarType dtype;
  double tolerance;  // over a value of 1
};
constexpr Precision kPrecisions[] = {
    {at::kDouble, 1e-14}, {at::kFloat, 1e-6}, {at::kBFloat16, 8e-3}};

TEST(Activations, gelu_and_its_derivative_are_torchs) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    const at::Tensor x = places(dtype), exact = x.to(at::kDouble);
    const at::Tensor value = at::gelu(exact), ones = at::ones_like(x);
    const at::Tensor scale = exact.abs() + 1.0;
    EXPECT_LE(difference(activate({Curve::kGelu}, x) / scale, value / scale), tolerance);
    EXPECT_LE(difference(activate_back({Curve::kGelu}, x, ones),
                         at::gelu_backward(at::ones_like(exact), exact)),
              2 * tolerance);
  }
}

TEST(Activations, swiglu_and_its_derivative_are_torchs) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    const at::Tensor gate = places(dtype), up = places(dtype).flip(0);
    const at::Tensor x = at::cat({gate, up}, 1);
    const at::Tensor gradient = at::cos(places(at::kDouble)).to(dtype);
    const at::Tensor g = gate.to(at::kDouble), u = up.to(at::kDouble), d = gradient.to(at::kDouble);
    const at::Tensor scale = (g.abs() + 1.0) * (u.abs() + 1.0);
    EXPECT_LE(difference(activate({Curve::kSilu, true}, x) / scale, at::silu(g) * u / scale),
              tolerance);
    const at::Tensor back = activate_back({Curve::kSilu, true}, x, gradient);
    const at::Tensor of_gate = at::silu_backward(d * u, g), of_up = d * at::silu(g);
    const std::int64_t width = gate.size(1);
    EXPECT_LE(difference(back.narrow(1, 0, width) / scale, of_gate / scale), 2 * tolerance);
    EXPECT_LE(difference(back.narrow(1, width, width) / scale, of_up / scale), 2 * tolerance);
  }
}

// Written out, apart from LibTorch's operations of the same names.
at::Tensor formula(Curve curve, const at::Tensor& x) {
  switch (curve) {
    case Curve::kGelu:
      return x * 0.5 * (1.0 + at::erf(x / std::sqrt(2.0)));
    case Curve::kGeluTanh:
      return x * 0.5 *
             (1.0 + at::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Curve::kQuickGelu:
      return x / (1.0 + at::exp(-1.702 * x));
    case Curve::kRelu:
      return x * (x > 0.0);
    case Curve::kSilu:
      return x / (1.0 + at::exp(-x));
    case Curve::kTanh:
      return 1.0 - 2.0 / (1.0 + at::exp(2.0 * x));
    case Curve::kNone:
      break;
  }
  return x;
}

const std::vector<Curve> kCurves = {Curve::kGelu, Curve::kGeluTanh, Curve::kQuickGelu,
                                    Curve::kRelu, Curve::kSilu,     Curve::kTanh};

// Both sides of zero, where ReLU has no derivative.
at::Tensor bent_places() {
  return (at::linspace(-6, 6, 1200, at::kDouble) + 1e-3).view({1, -1}).contiguous();
}

at::Tensor slope(Curve curve, const at::Tensor& x) {
  constexpr double kStep = 1e-5;
  return (formula(curve, x + kStep) - formula(curve, x - kStep)) / (2.0 * kStep);
}

TEST(Activations, every_curve_and_its_derivative_are_the_formulas) {
  const at::Tensor x = bent_places(), gradient = at::cos(x);
  for (const Curve curve : kCurves) {
    EXPECT_LE(difference(activate({curve}, x), formula(curve, x)), 1e-14) << int(curve);
    EXPECT_LE(difference(activate_back({curve}, x, gradient), gradient * slope(curve, x)), 1e-9)
        << int(curve);
  }
  const at::Tensor zero = at::zeros({1, 1}, at::kDouble), one = at::ones({1, 1}, at::kDouble);
  EXPECT_EQ(activate_back({Curve::kRelu}, zero, one).item<double>(), 0.0);
}

TEST(Activations, every_curve_is_a_gate) {
  const at::Tensor gate = bent_places(), up = gate.flip(1), x = at::cat({gate, up}, 1);
  const at::Tensor gradient = at::cos(gate);
  for (const Curve curve : kCurves) {
    EXPECT_LE(difference(activate({curve, true}, x), formula(curve, gate) * up), 1e-14)
        << int(curve);
    const at::Tensor back = activate_back({curve, true}, x, gradient);
    const at::Tensor expected =
        at::cat({gradient * up * slope(curve, gate), gradient * formula(curve, gate)}, 1);
    EXPECT_LE(difference(back, expected), 1e-8) << int(curve);
  }
}

TEST(Activations, what_is_no_number_stays_none) {
  at::Tensor x = at::ones({1, 40}, at::kFloat);
  x[0][3] = std::numeric_limits<float>::quiet_NaN();
  for (const Activation& activation : {Activation{Curve::kGelu}, Activation{Curve::kSilu, true}})
    EXPECT_EQ(activate(activation, x).isnan().sum().item<std::int64_t>(), 1);
}

TEST(ColumnDots, are_the_sums_of_products_over_rows) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor wide = at::randn({300, 90}, at::kDouble).to(dtype);
    const at::Tensor a = wide.narrow(1, 3, 37), b = wide.narrow(1, 50, 37);
    const at::Tensor minus = at::randn({37}, at::kDouble).to(dtype);
    const at::Tensor ad = a.to(at::kDouble), bd = b.to(at::kDouble), md = minus.to(at::kDouble);
    // Computed in float32 whatever is stored.
    const double allowed = dtype == at::kDouble ? 1e-11 : 1e-3;
    EXPECT_LE(difference(column_dots(a, b, minus), (ad * (bd - md)).sum(0)), allowed);
    EXPECT_LE(difference(column_dots(a, b, {}), (ad * bd).sum(0)), allowed);
    const at::Tensor factor = at::randn({37}, at::kDouble).to(dtype);
    const at::Tensor out = at::empty({300, 80}, a.options()).narrow(1, 9, 37);
    EXPECT_TRUE(at::equal(rescale_with_dots(a, b, minus, factor, out), column_dots(a, b, minus)));
    EXPECT_TRUE(at::equal(out, a * factor));
  }
}

TEST(LowRank, is_a_product_a_factor_and_a_rest_in_one_pass) {
  for (const auto& [dtype, tolerance] : kPrecisions) {
    const auto wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
    for (const std::int64_t rank : {1, 8, 33}) {
      for (const std::int64_t columns : {5, 64, 203}) {
        const at::Tensor all = at::randn({11, 300}, at::kDouble).to(dtype);
        const at::Tensor y = all.narrow(1, 7, columns), start = y.to(at::kDouble).clone();
        const at::Tensor s = at::randn({11, rank}, at::kDouble).to(dtype);
        const at::Tensor b = at::randn({columns, rank}, at::kDouble).to(dtype).to(wide);
        const at::Tensor factor = at::randn({columns}, at::kDouble).to(wide);
        const at::Tensor rest = at::randn({columns}, at::kDouble).to(wide);
        const at::Tensor sum = start + 0.5 * at::mm(s.to(at::kDouble), b.to(at::kDouble).t());
        const double rounded = sum.abs().max().item<double>() * 5 * tolerance;
        add_low_rank(y, s, b, 0.5);
        EXPECT_LE(difference(y, sum), rounded);
        y.copy_(start);
        add_low_rank(y, s, b, 0.5, factor);
        EXPECT_LE(difference(y, sum * factor), rounded * 4);
        y.copy_(start);
        add_low_rank(y, s, b, 0.5, factor, rest);
        EXPECT_LE(difference(y, sum * factor + rest), rounded * 4);
      }
    }
  }
}

// Packs depend on it: a trial's rows are computed the same beside another's.
TEST(LowRank, a_row_is_the_same_beside_any_others) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor s = at::randn({7, 8}).to(dtype), b = at::randn({150, 8});
    const at::Tensor together = at::randn({7, 150}).to(dtype), alone = together[6].clone();
    add_low_rank(together, s, b, 2.0);
    add_low_rank(alone.unsqueeze(0), s[6].unsqueeze(0), b, 2.0);
    EXPECT_TRUE(at::equal(together[6], alone));
  }
}

}  // namespace
}  // namespace plateau::kernels
