#include "worker/kernels/cuda_library.h"

#include <dlfcn.h>

namespace plateau::kernels {

Status load_cuda_library() {
#ifdef PLATEAU_WITH_CUDA
  // Global, as the linker would have loaded it: its parts look for each other's symbols.
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return {};
  return io_error(std::string("LibTorch's CUDA libraries cannot be loaded: ") + ::dlerror() +
                  "; run ./plateau build, which fetches them, or use --device cpu");
#else
  return invalid_argument(
      "this build has no CUDA; build it where nvcc is found, or use --device cpu");
#endif
}

}  // namespace plateau::kernels
