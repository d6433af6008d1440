// Matrices with orthonormal columns that can be trained: LoReFT's R^T [n, r].
//
// The parametrisation is PyTorch's householder map with trivialisation: R^T = base * Q(X), where
// base is a fixed orthogonal n x n matrix whose first columns are the initial R^T, and Q(X) are
// the first r columns of a product of Householder reflections whose vectors lie below the diagonal
// of X [n, r]. X starts with -1 on the diagonal and 0 elsewhere, which gives the initial R^T.
//
// PyTorch keeps base as a dense matrix with random further columns. Here base is itself a product
// of r reflections (LAPACK's geqrf of a Gaussian matrix) and never built: O(n r) memory and
// O(n r^2) work. The set of reachable rotations is the same; the path of Adam in it is not, since
// the random columns differ. A dense base can be given to follow a stored reference run.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

// The fixed orthogonal matrix of one rotation.
struct RotationBase {
  // Implicit: (I - vectors * inner * vectors^T) * diag(signs, 1, 1, ...).
  at::Tensor vectors;  // [n, r]: unit lower trapezoidal
  at::Tensor inner;    // [r, r]: upper triangular (compact WY form)
  at::Tensor signs;    // [r]: +-1, so that the initial R^T is uniform over all rotations
  // Or dense [n, n]; when defined, the others are not read.
  at::Tensor dense;
};

// A base whose first r columns are uniformly distributed, from the stream `seed`. Drawn and
// factored in double, then converted. r <= n.
RotationBase random_base(std::int64_t n, std::int64_t r, std::uint64_t seed,
                         const at::TensorOptions& options);

// A base whose first r columns are the given orthonormal ones [n, r].
RotationBase base_from_columns(const at::Tensor& columns, const at::TensorOptions& options);

// The start value of X [n, r].
at::Tensor initial_rotation_parameter(std::int64_t n, std::int64_t r,
                                      const at::TensorOptions& options);

// R^T [n, r] of each X [n, r] (all of one shape), with gradients into X's part below the diagonal;
// the diagonal's sign counts as a constant. Batched over the list.
std::vector<at::Tensor> rotations(const std::vector<at::Tensor>& parameters,
                                  const std::vector<RotationBase>& bases);

}  // namespace plateau::trainer
