// What column_dots.cc hands to the loop of column_dots_loop.h. Internal to this folder.
#pragma once

#include <cstdint>

#include "worker/kernels/by_storage.h"

namespace plateau::kernels {

// Some rows, one after another. minus, factor and sums are float, or double where the storage is.
struct ColumnDotsTask {
  std::int64_t rows = 0, columns = 0;
  const void *a = nullptr, *b = nullptr;  // of the storage
  std::int64_t a_stride = 0, b_stride = 0;
  const void* minus = nullptr;   // [columns]
  void* sums = nullptr;          // [columns], added to
  const void* factor = nullptr;  // [columns]; nullptr: sums alone
  void* out = nullptr;           // only with a factor, of the storage
  std::int64_t out_stride = 0;
};

using ColumnDotsLoop = void (*)(const ColumnDotsTask& task);
using ColumnDotsLoops = ByStorage<ColumnDotsLoop>;

}  // namespace plateau::kernels
