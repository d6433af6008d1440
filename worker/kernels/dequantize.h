// Turns a part of a quantised matrix back into numbers: what a multiplication does tile by tile.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "worker/kernels/quantized.h"

namespace plateau::kernels {

// Rows [first_row, first_row + out.size(0)) of the matrix into out [rows, columns]: contiguous,
// float32, bfloat16 or float64, on the matrix's device. Each value is computed in float32 as the
// format's reference does, to the bit, and then converted (to the nearest bfloat16, ties to even).
// On CUDA it is queued on the current stream.
void dequantize_rows(const QuantizedMatrix& matrix, std::int64_t first_row, const at::Tensor& out);

// The implementations. Values [begin, begin + out.numel()) of the flattened matrix.
void dequantize_cpu(const QuantizedMatrix& matrix, std::int64_t begin, const at::Tensor& out);
void dequantize_cuda(const QuantizedMatrix& matrix, std::int64_t begin, const at::Tensor& out);

}  // namespace plateau::kernels
