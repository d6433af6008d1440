// The loops of this folder as they were compiled for one instruction set. Internal to this folder.
#pragma once

#include "worker/kernels/activation_task.h"
#include "worker/kernels/attention_task.h"
#include "worker/kernels/column_dots_task.h"
#include "worker/kernels/low_rank_task.h"

namespace plateau::kernels {

struct CpuLoops {
  HeadKernels attention;
  ActivationLoops activations;
  ColumnDotsLoops column_dots;
  LowRankLoops low_rank;
};

// For what the processor can do.
const CpuLoops& cpu_loops();

CpuLoops loops_plain();
#if defined(__x86_64__)
CpuLoops loops_avx2();    // with FMA
CpuLoops loops_avx512();  // F, BW, DQ and VL
#endif

}  // namespace plateau::kernels
