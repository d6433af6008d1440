# Finds LibTorch in an unpacked PyPI wheel of torch 2.11.0 and offers
#   plateau_torch                 the interface target that every user of LibTorch links
#   plateau_torch_pch(TARGET...)  makes targets share one precompiled <ATen/ATen.h>
#
# PLATEAU_LIBTORCH_DIR is the folder that holds torch/ and nvidia/ (the launcher's cache), or a
# site-packages folder. Libraries are linked directly: the wheel's own CMake config insists on a
# CUDA toolkit. Without CUDA that is libtorch_cpu and libc10; with it (PLATEAU_CUDA) libtorch_cuda
# and libc10_cuda as well, and PLATEAU_WITH_CUDA=1 is defined.
include(PlateauCache)
set(PLATEAU_LIBTORCH_DIR "${PLATEAU_CACHE_FOLDER}/libtorch-2.11.0" CACHE PATH
    "Folder that holds torch/include and torch/lib of the torch 2.11.0 wheel")

if(NOT EXISTS "${PLATEAU_LIBTORCH_DIR}/torch/include/ATen/ATen.h")
  message(FATAL_ERROR
    "LibTorch is not at ${PLATEAU_LIBTORCH_DIR}. Run ./plateau build once (it fetches the wheel), "
    "or set -DPLATEAU_LIBTORCH_DIR to the folder that holds torch/ of torch 2.11.0.")
endif()

set(_torch "${PLATEAU_LIBTORCH_DIR}/torch")
add_library(plateau_torch INTERFACE)
target_include_directories(plateau_torch SYSTEM INTERFACE
  "${_torch}/include" "${_torch}/include/torch/csrc/api/include")
target_link_libraries(plateau_torch INTERFACE
  "${_torch}/lib/libtorch_cpu.so" "${_torch}/lib/libc10.so" Threads::Threads)
set(_torch_rpaths "${_torch}/lib" "${PLATEAU_LIBTORCH_DIR}/nvidia/cu13/lib")

if(PLATEAU_CUDA_ENABLED)
  find_package(CUDAToolkit 13 REQUIRED)
  target_compile_definitions(plateau_torch INTERFACE PLATEAU_WITH_CUDA=1)
  target_include_directories(plateau_torch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  # Nothing calls into libtorch_cuda by name: it registers its operators when it is loaded, which
  # worker/kernels/cuda_library.h does where a GPU is asked for. It and what it needs take 345 MiB of
  # memory and a quarter of a second (`plateau-trainer --version` with it and without).
  target_link_libraries(plateau_torch INTERFACE "${_torch}/lib/libc10_cuda.so" CUDA::cudart)
  list(APPEND _torch_rpaths
    "${PLATEAU_LIBTORCH_DIR}/nvidia/cudnn/lib" "${PLATEAU_LIBTORCH_DIR}/nvidia/nccl/lib"
    "${PLATEAU_LIBTORCH_DIR}/nvidia/nvshmem/lib" "${PLATEAU_LIBTORCH_DIR}/nvidia/cusparselt/lib"
    "${CUDAToolkit_LIBRARY_DIR}")
endif()
foreach(_dir IN LISTS _torch_rpaths)
  target_link_options(plateau_torch INTERFACE "LINKER:-rpath,${_dir}" "LINKER:-rpath-link,${_dir}")
endforeach()

# What most files that use LibTorch include. <torch/torch.h> would cost four times as much to load.
set(PLATEAU_TORCH_HEADERS <ATen/ATen.h>)

# plateau_torch_pch(my_library ...): PLATEAU_TORCH_HEADERS are parsed once for all of them (it costs
# 15 s a file otherwise). Targets must link plateau_torch, directly or not. Their sources still
# include what they use; the headers are then already there. Tests say TORCH to plateau_test instead.
function(plateau_torch_pch)
  plateau_header_target(plateau_torch_headers DEPS plateau_torch HEADERS ${PLATEAU_TORCH_HEADERS})
  foreach(_target IN LISTS ARGN)
    target_precompile_headers(${_target} REUSE_FROM plateau_torch_headers)
  endforeach()
endfunction()
