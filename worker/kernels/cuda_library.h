// LibTorch's CUDA half, loaded where a GPU is asked for and nowhere else.
#pragma once

#include "common/base/result.h"

namespace plateau::kernels {

// Before the first tensor of the process is made on a GPU, or asked whether there is one. Blocks
// while libraries are read. kInvalidArgument: this is a build without CUDA; kIo: a library is
// missing, by name.
Status load_cuda_library();

}  // namespace plateau::kernels
