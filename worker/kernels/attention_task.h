// What attention.cc hands to the loops of attention_head.h. Internal to this folder.
#pragma once

#include <cstdint>

#include "worker/kernels/by_storage.h"

namespace plateau::kernels {

// Rows of storage: the first one, and how many elements lie from one to the next.
template <typename Void>
struct Rows {
  Void* at = nullptr;
  std::int64_t stride = 0;
};

// One key head of one sequence, and the `group` query heads beside each other that it serves.
struct HeadShape {
  std::int64_t query_rows = 0, key_rows = 0;
  std::int64_t key_begin = 0, key_end = 0;  // the others are not seen
  std::int64_t group = 1, width = 0;
  bool causal = false;  // the last query sees all keys, the one before it one less
  double scale = 1.0;
};

struct HeadTask {
  HeadShape shape;
  void* workspace = nullptr;  // as many bytes as HeadKernel says
  Rows<const void> queries, keys, values;
  // Forward: written. [query rows] of every head of the group; float, or double where the storage
  // is.
  Rows<void> out;
  void* logsumexp = nullptr;
  std::int64_t logsumexp_stride = 0;
  // Backward: `gradient` is out's and read, the others are written (of unseen keys nothing is).
  Rows<const void> gradient;
  Rows<void> query_gradient, key_gradient, value_gradient;
};

struct HeadKernel {
  std::int64_t (*workspace_bytes)(const HeadShape& shape);
  void (*forward)(const HeadTask& task);
  void (*backward)(const HeadTask& task);
};

using HeadKernels = ByStorage<HeadKernel>;

}  // namespace plateau::kernels
