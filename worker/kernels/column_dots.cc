#include "worker/kernels/column_dots.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>

#include "worker/kernels/clones.h"

namespace plateau::kernels {
namespace {

constexpr std::int64_t kRows = 128;  // that are summed up before others are added

template <typename T, typename S>
inline __attribute__((always_inline)) void add_rows(const S* __restrict a, std::int64_t a_row,
                                                    const S* __restrict b, std::int64_t b_row,
                                                    const T* __restrict minus, std::int64_t rows,
                                                    std::int64_t columns, T* __restrict sums) {
  for (std::int64_t i = 0; i < rows; ++i, a += a_row, b += b_row) {
    for (std::int64_t j = 0; j < columns; ++j)
      sums[j] += static_cast<T>(a[j]) * (static_cast<T>(b[j]) - minus[j]);
  }
}

PLATEAU_CLONES void add(const float* a, std::int64_t a_row, const float* b, std::int64_t b_row,
                        const float* minus, std::int64_t rows, std::int64_t columns, float* sums) {
  add_rows(a, a_row, b, b_row, minus, rows, columns, sums);
}
PLATEAU_CLONES void add(const c10::BFloat16* a, std::int64_t a_row, const c10::BFloat16* b,
                        std::int64_t b_row, const float* minus, std::int64_t rows,
                        std::int64_t columns, float* sums) {
  add_rows(a, a_row, b, b_row, minus, rows, columns, sums);
}
PLATEAU_CLONES void add(const double* a, std::int64_t a_row, const double* b, std::int64_t b_row,
                        const double* minus, std::int64_t rows, std::int64_t columns,
                        double* sums) {
  add_rows(a, a_row, b, b_row, minus, rows, columns, sums);
}

template <typename T, typename S>
at::Tensor dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus) {
  const std::int64_t blocks = (a.size(0) + kRows - 1) / kRows;
  const at::Tensor sums = at::zeros({blocks, a.size(1)}, minus.options());
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kRows, rows = std::min(kRows, a.size(0) - first);
      add(a.data_ptr<S>() + first * a.stride(0), a.stride(0), b.data_ptr<S>() + first * b.stride(0),
          b.stride(0), minus.data_ptr<T>(), rows, a.size(1),
          sums.data_ptr<T>() + block * a.size(1));
    }
  });
  return sums.sum(0);
}

}  // namespace

at::Tensor column_dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus) {
  const auto dtype = a.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor less = minus.defined() ? minus.detach().to(dtype).contiguous()
                                    : at::zeros({a.size(1)}, a.options().dtype(dtype));
  if (!a.device().is_cpu()) return (a.to(dtype) * (b.to(dtype) - less)).sum(0);
  TORCH_CHECK(a.dim() == 2 && a.sizes() == b.sizes() && a.stride(1) == 1 && b.stride(1) == 1 &&
                  a.scalar_type() == b.scalar_type(),
              "column_dots takes two matrices of one dtype and shape");
  if (dtype == at::kDouble) return dots<double, double>(a, b, less);
  if (a.scalar_type() == at::kFloat) return dots<float, float>(a, b, less);
  TORCH_CHECK(a.scalar_type() == at::kBFloat16,
              "column_dots computes float32, bfloat16 and float64, not ", a.scalar_type());
  return dots<float, c10::BFloat16>(a, b, less);
}

}  // namespace plateau::kernels
