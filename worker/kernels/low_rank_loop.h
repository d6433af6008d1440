// y = (y + s b) factor + rest in one pass over y. Compiled once for each instruction set: see
// vectors.h.
#pragma once

#include "worker/kernels/low_rank_task.h"
#include "worker/kernels/vectors.h"

namespace plateau::kernels {
namespace {

constexpr int kUpdateRows = 4;
constexpr int kUpdateVectors = kVectorBytes == 64 ? 4 : 2;  // what the registers hold

template <typename T, typename S>
struct LowRank {
  static constexpr int kLanes = VectorOf<T>::kLanes;
  static constexpr int kUpdateColumns = kUpdateVectors * kLanes;

  explicit LowRank(const LowRankTask& given)
      : task(given),
        y(static_cast<S*>(given.y)),
        s(static_cast<const S*>(given.s)),
        b(static_cast<const T*>(given.b)),
        factor(static_cast<const T*>(given.factor)),
        rest(static_cast<const T*>(given.rest)) {}

  PLATEAU_INLINE void element(std::int64_t i, std::int64_t j) const {
    S& at = y[i * task.y_stride + j];
    T sum = widen(at);
    for (std::int64_t k = 0; k < task.rank; ++k)
      sum += widen(s[i * task.rank + k]) * b[k * task.columns + j];
    if (factor != nullptr) sum *= factor[j];
    if (rest != nullptr) sum += rest[j];
    narrow(sum, at);
  }

  // kRows rows by kUpdateColumns columns, whose sums stay in registers.
  template <int kRows>
  PLATEAU_INLINE void tile(std::int64_t i, std::int64_t j) const {
    Vector<T> sums[kRows][kUpdateVectors];
    T buffer[kUpdateColumns];
    for (int r = 0; r < kRows; ++r) {
      const S* from = y + (i + r) * task.y_stride + j;
      for (int c = 0; c < kUpdateColumns; ++c)
        buffer[c] = widen(from[c]);
      for (int v = 0; v < kUpdateVectors; ++v)
        sums[r][v] = load(buffer + v * kLanes);
    }
    for (std::int64_t k = 0; k < task.rank; ++k) {
      const T* row = b + k * task.columns + j;
      for (int r = 0; r < kRows; ++r) {
        const T share = widen(s[(i + r) * task.rank + k]);
        for (int v = 0; v < kUpdateVectors; ++v)
          sums[r][v] += share * load(row + v * kLanes);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kUpdateVectors; ++v) {
        if (factor != nullptr) sums[r][v] *= load(factor + j + v * kLanes);
        if (rest != nullptr) sums[r][v] += load(rest + j + v * kLanes);
        store(buffer + v * kLanes, sums[r][v]);
      }
      S* to = y + (i + r) * task.y_stride + j;
      for (int c = 0; c < kUpdateColumns; ++c)
        narrow(buffer[c], to[c]);
    }
  }

  template <int kRows>
  PLATEAU_INLINE void rows_from(std::int64_t i) const {
    std::int64_t j = 0;
    for (; j + kUpdateColumns <= task.columns; j += kUpdateColumns)
      tile<kRows>(i, j);
    for (; j < task.columns; ++j) {
      for (int r = 0; r < kRows; ++r)
        element(i + r, j);
    }
  }

  void run() const {
    std::int64_t i = 0;
    for (; i + kUpdateRows <= task.rows; i += kUpdateRows)
      rows_from<kUpdateRows>(i);
    for (; i < task.rows; ++i)
      rows_from<1>(i);
  }

  const LowRankTask& task;
  S* y;
  const S* s;
  const T *b, *factor, *rest;
};

template <typename T, typename S>
void low_rank_loop(const LowRankTask& task) {
  LowRank<T, S>(task).run();
}

constexpr LowRankLoops low_rank_loops() {
  return {low_rank_loop<float, float>, low_rank_loop<float, std::uint16_t>,
          low_rank_loop<double, double>};
}

}  // namespace
}  // namespace plateau::kernels
