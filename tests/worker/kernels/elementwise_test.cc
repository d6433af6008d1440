// Activations and column sums against LibTorch's own operations.
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worker/kernels/activations.h"
#include "worker/kernels/column_dots.h"

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
    EXPECT_LE(difference(activate(Activation::kGelu, x) / scale, value / scale), tolerance);
    EXPECT_LE(difference(activate_back(Activation::kGelu, x, ones),
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
    EXPECT_LE(difference(activate(Activation::kSwiglu, x) / scale, at::silu(g) * u / scale),
              tolerance);
    const at::Tensor back = activate_back(Activation::kSwiglu, x, gradient);
    const at::Tensor of_gate = at::silu_backward(d * u, g), of_up = d * at::silu(g);
    const std::int64_t width = gate.size(1);
    EXPECT_LE(difference(back.narrow(1, 0, width) / scale, of_gate / scale), 2 * tolerance);
    EXPECT_LE(difference(back.narrow(1, width, width) / scale, of_up / scale), 2 * tolerance);
  }
}

TEST(Activations, what_is_no_number_stays_none) {
  at::Tensor x = at::ones({1, 40}, at::kFloat);
  x[0][3] = std::numeric_limits<float>::quiet_NaN();
  for (const Activation activation : {Activation::kGelu, Activation::kSwiglu})
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
  }
}

}  // namespace
}  // namespace plateau::kernels
