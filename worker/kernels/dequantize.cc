#include "worker/kernels/dequantize.h"

#include <c10/util/Exception.h>

namespace plateau::kernels {

std::int64_t size_bytes(const QuantizedMatrix& matrix) {
  if (const auto* blocks = std::get_if<GgufBlocks>(&matrix.blocks)) {
    return static_cast<std::int64_t>(blocks->bytes.nbytes());
  }
  const auto& blocks = std::get<Nf4Blocks>(matrix.blocks);
  return static_cast<std::int64_t>(blocks.codes.nbytes() + blocks.scales.nbytes() +
                                   blocks.scale_maxima.nbytes() + blocks.scale_code.nbytes());
}

void dequantize_rows(const QuantizedMatrix& matrix, std::int64_t first_row, const at::Tensor& out) {
  TORCH_CHECK(out.dim() == 2 && out.is_contiguous() && out.size(1) == matrix.columns &&
                  first_row >= 0 && first_row + out.size(0) <= matrix.rows,
              "rows ", first_row, " to ", first_row + out.size(0), " x ", out.size(1),
              " do not lie in a matrix of ", matrix.rows, " x ", matrix.columns);
  const std::int64_t begin = first_row * matrix.columns;
  if (out.is_cpu()) return dequantize_cpu(matrix, begin, out);
#ifdef PLATEAU_WITH_CUDA
  if (out.is_cuda()) return dequantize_cuda(matrix, begin, out);
#endif
  TORCH_CHECK(false, "this build has no dequantisation for the device ", out.device().str(),
              "; configure with -DPLATEAU_CUDA=ON");
}

}  // namespace plateau::kernels
