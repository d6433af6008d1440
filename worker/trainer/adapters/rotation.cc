#include "worker/trainer/adapters/rotation.h"

#include <ATen/ATen.h>

#include "common/base/check.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {
namespace {

// T of the compact WY form (Schreiber and Van Loan 1989): H_1 ... H_r = I - V T V^T.
at::Tensor compact_inner(const at::Tensor& vectors, const at::Tensor& tau) {
  const std::int64_t r = vectors.size(1);
  at::Tensor inner = at::zeros({r, r}, vectors.options());
  for (std::int64_t j = 0; j < r; ++j) {
    const at::Tensor tau_j = tau[j];
    inner[j][j].copy_(tau_j);
    if (j == 0) continue;
    const at::Tensor before = vectors.narrow(1, 0, j);
    const at::Tensor products = before.t().mv(vectors.select(1, j));
    inner.narrow(0, 0, j).select(1, j).copy_(
        inner.narrow(0, 0, j).narrow(1, 0, j).mv(products).mul_(-tau_j));
  }
  return inner;
}

// The first r columns of the product of reflections of each X [s, n, r], times the sign -1 that
// X's diagonal starts with and keeps.
at::Tensor reflections(const at::Tensor& x) {
  const std::int64_t n = x.size(1), r = x.size(2);
  const at::Tensor unit = at::eye(n, r, x.options());
  const at::Tensor vectors = at::tril(x, -1) + unit;
  const at::Tensor products = at::matmul(vectors.transpose(1, 2), vectors);
  // The inverse of T is known in closed form for reflections with tau = 2 / |v|^2: the products
  // above the diagonal, and half the squared lengths on it.
  const at::Tensor inverse =
      at::triu(products, 1) + at::diag_embed(products.diagonal(0, 1, 2) * 0.5);
  const at::Tensor top = vectors.narrow(1, 0, r).transpose(1, 2);
  const at::Tensor solved = at::linalg_solve_triangular(inverse, top, /*upper=*/true);
  return at::matmul(vectors, solved) - unit;
}

at::Tensor apply_base(const RotationBase& base, const at::Tensor& q) {
  if (base.dense.defined()) return at::mm(base.dense, q);
  const std::int64_t r = q.size(1);
  const at::Tensor signed_q =
      at::cat({q.narrow(0, 0, r) * base.signs.unsqueeze(1), q.narrow(0, r, q.size(0) - r)});
  const at::Tensor projected = at::mm(base.inner, at::mm(base.vectors.t(), signed_q));
  return signed_q - at::mm(base.vectors, projected);
}

}  // namespace

// Columns of Q with the signs that make R's diagonal positive: of a Gaussian matrix these are
// uniform over all orthonormal columns; of orthonormal columns they are those columns.
RotationBase base_from_columns(const at::Tensor& columns, const at::TensorOptions& options) {
  const auto [factored, tau] = at::geqrf(columns.detach().to(at::kCPU, at::kDouble));
  const std::int64_t n = columns.size(0), r = columns.size(1);
  const at::Tensor vectors = at::tril(factored, -1) + at::eye(n, r, factored.options());
  const at::Tensor diagonal = factored.diagonal();
  const at::Tensor signs =
      at::where(diagonal < 0, -at::ones_like(diagonal), at::ones_like(diagonal));
  return {vectors.to(options), compact_inner(vectors, tau).to(options), signs.to(options), {}};
}

RotationBase random_base(std::int64_t n, std::int64_t r, std::uint64_t seed,
                         const at::TensorOptions& options) {
  PLATEAU_CHECK(r >= 1 && r <= n, "a rotation needs 1 <= rank <= width");
  return base_from_columns(normal_tensor({n, r}, 1.0, seed, options.dtype(at::kDouble)), options);
}

at::Tensor initial_rotation_parameter(std::int64_t n, std::int64_t r,
                                      const at::TensorOptions& options) {
  return at::eye(n, r, options).neg_();
}

std::vector<at::Tensor> rotations(const std::vector<at::Tensor>& parameters,
                                  const std::vector<RotationBase>& bases) {
  PLATEAU_CHECK(parameters.size() == bases.size(), "one base a rotation");
  const std::vector<at::Tensor> q = reflections(at::stack(parameters)).unbind(0);
  std::vector<at::Tensor> result;
  for (std::size_t i = 0; i < q.size(); ++i)
    result.push_back(apply_base(bases[i], q[i]));
  return result;
}

}  // namespace plateau::trainer
