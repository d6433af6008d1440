#include "worker/trainer/adapters/init.h"

#include <cmath>

#include <ATen/ATen.h>

#include "common/base/random.h"

namespace plateau::trainer {
namespace {

template <typename Draw>
at::Tensor fill(const std::vector<std::int64_t>& shape, const at::TensorOptions& options,
                Draw&& draw) {
  at::Tensor values = at::empty(shape, at::kDouble);
  double* data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    data[i] = draw();
  return values.to(options);
}

}  // namespace

at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, std::uint64_t seed,
                          const at::TensorOptions& options) {
  Random random(seed);
  return fill(shape, options, [&] { return (2.0 * random.uniform() - 1.0) * bound; });
}

at::Tensor normal_tensor(const std::vector<std::int64_t>& shape, double deviation,
                         std::uint64_t seed, const at::TensorOptions& options) {
  Random random(seed);
  return fill(shape, options, [&] { return random.normal() * deviation; });
}

at::Tensor truncated_normal_tensor(const std::vector<std::int64_t>& shape, double deviation,
                                   double limit, std::uint64_t seed,
                                   const at::TensorOptions& options) {
  Random random(seed);
  return fill(shape, options, [&] {
    double value = random.normal();
    while (std::abs(value) > limit)
      value = random.normal();
    return value * deviation;
  });
}

}  // namespace plateau::trainer
