// Initial values from keyed streams: the same numbers in every precision and on every device.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

// Uniform in [-bound, bound).
at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, std::uint64_t seed,
                          const at::TensorOptions& options);
// Normal with mean 0.
at::Tensor normal_tensor(const std::vector<std::int64_t>& shape, double deviation,
                         std::uint64_t seed, const at::TensorOptions& options);

// The same, drawn again while beyond `limit` deviations.
at::Tensor truncated_normal_tensor(const std::vector<std::int64_t>& shape, double deviation,
                                   double limit, std::uint64_t seed,
                                   const at::TensorOptions& options);

}  // namespace plateau::trainer
