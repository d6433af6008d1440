#include "worker/kernels/cpu_loops.h"

namespace plateau::kernels {
namespace {

CpuLoops pick() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0)
    return loops_avx512();
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0)
    return loops_avx2();
#endif
  return loops_plain();
}

}  // namespace

const CpuLoops& cpu_loops() {
  static const CpuLoops loops = pick();
  return loops;
}

}  // namespace plateau::kernels
