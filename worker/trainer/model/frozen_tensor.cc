#include "worker/trainer/model/frozen_tensor.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/base/check.h"
#include "worker/kernels/dequantize.h"

namespace plateau::trainer {

using kernels::GgufBlocks;
using kernels::QuantizedMatrix;

namespace {

// Of a matrix in another dtype on the CPU: 512 KiB of float32 stay in a core's cache until they are
// multiplied.
constexpr std::int64_t kConvertedValues = std::int64_t{1} << 17;

using Use = c10::function_ref<void(std::int64_t first_row, const at::Tensor& rows)>;
using Fill = c10::function_ref<void(std::int64_t first_row, at::Tensor rows)>;

// Rows of `matrix` as numbers of this dtype, at most `values` at once, in one buffer.
void in_tiles(const FrozenTensor& matrix, at::ScalarType dtype, std::int64_t values, Use use,
              Fill fill) {
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  const std::int64_t most = std::clamp<std::int64_t>(values / columns, 1, rows);
  const at::Tensor buffer =
      at::empty({most, columns}, matrix.options().dtype(dtype).requires_grad(false));
  for (std::int64_t first = 0; first < rows; first += most) {
    const at::Tensor tile = buffer.narrow(0, 0, std::min(most, rows - first));
    fill(first, tile);
    use(first, tile);
  }
}

}  // namespace

FrozenTensor::FrozenTensor(QuantizedMatrix matrix, const at::TensorOptions& options)
    : storage_(Quantized{std::make_shared<QuantizedMatrix>(std::move(matrix)), options, false}) {}

bool FrozenTensor::defined() const {
  const auto* dense = std::get_if<at::Tensor>(&storage_);
  return dense == nullptr || dense->defined();
}

std::vector<std::int64_t> FrozenTensor::sizes() const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_)) return dense->sizes().vec();
  const auto& quantized = std::get<Quantized>(storage_);
  const QuantizedMatrix& matrix = *quantized.matrix;
  if (quantized.is_transposed) return {matrix.columns, matrix.rows};
  return {matrix.rows, matrix.columns};
}

std::int64_t FrozenTensor::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes())
    count *= size;
  return count;
}

std::int64_t FrozenTensor::size_bytes() const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_))
    return static_cast<std::int64_t>(dense->nbytes());
  return kernels::size_bytes(*std::get<Quantized>(storage_).matrix);
}

at::TensorOptions FrozenTensor::options() const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_)) return dense->options();
  return std::get<Quantized>(storage_).options;
}

at::Tensor FrozenTensor::dense() const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_)) return *dense;
  const auto& quantized = std::get<Quantized>(storage_);
  const QuantizedMatrix& matrix = *quantized.matrix;
  const at::Tensor numbers = at::empty({matrix.rows, matrix.columns}, quantized.options);
  kernels::dequantize_rows(matrix, 0, numbers);
  return quantized.is_transposed ? numbers.t() : numbers;
}

FrozenTensor FrozenTensor::transposed() const {
  FrozenTensor result = *this;
  if (auto* dense = std::get_if<at::Tensor>(&result.storage_)) {
    *dense = dense->t();
  } else {
    auto& quantized = std::get<Quantized>(result.storage_);
    quantized.is_transposed = !quantized.is_transposed;
  }
  return result;
}

at::Tensor FrozenTensor::rows_at(const at::Tensor& ids) const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_)) return at::embedding(*dense, ids);
  const auto& quantized = std::get<Quantized>(storage_);
  const auto* blocks = std::get_if<GgufBlocks>(&quantized.matrix->blocks);
  // Blocks of NF4 run across rows; no table is stored so.
  if (blocks == nullptr || quantized.is_transposed) return at::embedding(dense(), ids);
  const QuantizedMatrix picked{ids.size(0), quantized.matrix->columns,
                               GgufBlocks{blocks->format, blocks->bytes.index_select(0, ids)}};
  const at::Tensor rows = at::empty({picked.rows, picked.columns}, quantized.options);
  kernels::dequantize_rows(picked, 0, rows);
  return rows;
}

void FrozenTensor::for_each_tile(at::ScalarType dtype, Tile use) const {
  if (const auto* dense = std::get_if<at::Tensor>(&storage_)) {
    if (dense->scalar_type() == dtype) return use(0, *dense);
    const std::int64_t values = dense->is_cpu() ? kConvertedValues : kTileValues;
    return in_tiles(*dense, dtype, values, use, [&](std::int64_t first, at::Tensor tile) {
      tile.copy_(dense->narrow(0, first, tile.size(0)));
    });
  }
  const auto& quantized = std::get<Quantized>(storage_);
  PLATEAU_CHECK(!quantized.is_transposed, "a transposed quantised matrix is only looked at");
  in_tiles(*this, dtype, kTileValues, use, [&](std::int64_t first, at::Tensor tile) {
    kernels::dequantize_rows(*quantized.matrix, first, tile);
  });
}

at::Tensor FrozenTensor::multiply(const at::Tensor& x) const {
  if (!is_quantized() && scalar_type() == x.scalar_type())
    return at::linear(x, std::get<at::Tensor>(storage_));
  at::Tensor y = at::empty({x.size(0), size(0)}, x.options().requires_grad(false));
  multiply_into(x, y);
  return y;
}

void FrozenTensor::multiply_into(const at::Tensor& x, at::Tensor y) const {
  for_each_tile(x.scalar_type(), [&](std::int64_t first, const at::Tensor& rows) {
    at::Tensor part = y.narrow(1, first, rows.size(0));
    at::mm_out(part, x, rows.t());
  });
}

at::Tensor FrozenTensor::multiply_back(const at::Tensor& grad) const {
  at::Tensor sum;
  // A sum over tiles in half precision would be rounded at each of them.
  const at::ScalarType wide = at::promote_types(grad.scalar_type(), at::kFloat);
  for_each_tile(grad.scalar_type(), [&](std::int64_t first, const at::Tensor& rows) {
    const at::Tensor part = grad.narrow(1, first, rows.size(0));
    if (!sum.defined()) {
      sum = at::mm(part, rows);
    } else if (wide == grad.scalar_type()) {
      sum.addmm_(part, rows);
    } else {
      sum = sum.to(wide).add_(at::mm(part, rows));
    }
  });
  return sum.to(grad.scalar_type());
}

at::Tensor FrozenTensor::squared_row_norms() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for_each_tile(at::kDouble, [&](std::int64_t, const at::Tensor& rows) {
    norms.push_back(rows.square().sum(1));
  });
  return at::cat(norms);
}

}  // namespace plateau::trainer
