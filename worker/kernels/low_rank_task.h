// What low_rank.cc hands to the loop of low_rank_loop.h. Internal to this folder.
#pragma once

#include <cstdint>

#include "worker/kernels/by_storage.h"

namespace plateau::kernels {

// Some rows. s, factor, rest and b are float, or double where the storage is.
struct LowRankTask {
  std::int64_t rows = 0, columns = 0, rank = 0;
  void* y = nullptr;  // of the storage
  std::int64_t y_stride = 0;
  const void* s = nullptr;       // of the storage: [rows, rank]
  const void* b = nullptr;       // [rank, columns], times the scale
  const void* factor = nullptr;  // [columns]; nullptr: none
  const void* rest = nullptr;    // [columns], only with a factor; nullptr: none
};

using LowRankLoop = void (*)(const LowRankTask& task);
using LowRankLoops = ByStorage<LowRankLoop>;

}  // namespace plateau::kernels
