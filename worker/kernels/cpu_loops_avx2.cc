// The loops for AVX2 and FMA: see CMakeLists.txt for the flags.
#include "worker/kernels/activation_loops.h"
#include "worker/kernels/attention_head.h"
#include "worker/kernels/column_dots_loop.h"
#include "worker/kernels/cpu_loops.h"
#include "worker/kernels/low_rank_loop.h"

namespace plateau::kernels {

CpuLoops loops_avx2() {
  return {head_kernels(), activation_loops(), column_dots_loops(), low_rank_loops()};
}

}  // namespace plateau::kernels
