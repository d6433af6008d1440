// Sums over rows of products, and one of their factors rescaled, in one pass. Compiled once for
// each instruction set: see vectors.h.
#pragma once

#include "worker/kernels/column_dots_task.h"
#include "worker/kernels/vectors.h"

namespace plateau::kernels {
namespace {

template <typename T, typename S>
PLATEAU_INLINE void add_products(const S* __restrict a, const S* __restrict b,
                                 const T* __restrict minus, std::int64_t columns,
                                 T* __restrict sums) {
  for (std::int64_t j = 0; j < columns; ++j)
    sums[j] += widen(a[j]) * (widen(b[j]) - minus[j]);
}

// While a's row is in the first-level cache.
template <typename T, typename S>
PLATEAU_INLINE void rescale(const S* __restrict a, const T* __restrict factor, std::int64_t columns,
                            S* __restrict out) {
  for (std::int64_t j = 0; j < columns; ++j)
    narrow(widen(a[j]) * factor[j], out[j]);
}

template <typename T, typename S>
void column_dots_loop(const ColumnDotsTask& task) {
  const S *a = static_cast<const S*>(task.a), *b = static_cast<const S*>(task.b);
  const T *minus = static_cast<const T*>(task.minus), *factor = static_cast<const T*>(task.factor);
  T* sums = static_cast<T*>(task.sums);
  S* out = static_cast<S*>(task.out);
  for (std::int64_t i = 0; i < task.rows; ++i) {
    const S* row = a + i * task.a_stride;
    add_products(row, b + i * task.b_stride, minus, task.columns, sums);
    if (factor != nullptr) rescale(row, factor, task.columns, out + i * task.out_stride);
  }
}

constexpr ColumnDotsLoops column_dots_loops() {
  return {column_dots_loop<float, float>, column_dots_loop<float, std::uint16_t>,
          column_dots_loop<double, double>};
}

}  // namespace
}  // namespace plateau::kernels
