// A tensor of the frozen base: as numbers, or as a matrix in a few bits a value that is never
// turned into numbers as a whole when it is multiplied with.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include "worker/kernels/quantized.h"

namespace plateau::trainer {

// Immutable; copies share. Never requires a gradient.
class FrozenTensor {
 public:
  FrozenTensor() = default;
  FrozenTensor(at::Tensor dense) : storage_(std::move(dense)) {}  // NOLINT: numbers are one kind
  // `options`: what it computes in, and its device, on which the blocks must lie.
  FrozenTensor(kernels::QuantizedMatrix matrix, const at::TensorOptions& options);

  bool defined() const;
  bool is_quantized() const { return std::holds_alternative<Quantized>(storage_); }
  std::vector<std::int64_t> sizes() const;
  std::int64_t size(std::size_t dimension) const { return sizes()[dimension]; }
  std::int64_t numel() const;
  std::int64_t size_bytes() const;  // as stored
  at::ScalarType scalar_type() const { return options().dtype().toScalarType(); }
  at::TensorOptions options() const;

  // All of it as numbers: the tensor itself, or a new one.
  at::Tensor dense() const;
  // The rows at ids [N] of a matrix, as an embedding takes them.
  at::Tensor rows_at(const at::Tensor& ids) const;
  FrozenTensor transposed() const;  // a view

  // Of a matrix W [out, in] that is not transposed, in the dtype of the argument. Quantised ones,
  // and those of another dtype, are computed tile by tile.
  at::Tensor multiply(const at::Tensor& x) const;               // x W^T
  void multiply_into(const at::Tensor& x, at::Tensor y) const;  // y = x W^T, y of any stride
  at::Tensor multiply_back(const at::Tensor& grad) const;       // grad W
  at::Tensor squared_row_norms() const;                         // [out], float64

 private:
  struct Quantized {
    std::shared_ptr<const kernels::QuantizedMatrix> matrix;
    at::TensorOptions options;
    bool is_transposed = false;
  };
  using Tile = c10::function_ref<void(std::int64_t first_row, const at::Tensor& rows)>;
  void for_each_tile(at::ScalarType dtype, Tile use) const;

  std::variant<at::Tensor, Quantized> storage_;
};

// The most values of a quantised matrix that are numbers at once.
inline constexpr std::int64_t kTileValues = std::int64_t{1} << 20;

}  // namespace plateau::trainer
