# Finds LibTorch in an unpacked PyPI wheel of torch 2.11.0 and offers it as plateau_torch.
#
# PLATEAU_LIBTORCH_DIR is the folder that holds torch/ and nvidia/ (the launcher's cache), or a
# site-packages folder. Without CUDA libtorch_cpu and libc10 are linked directly: the wheel's own
# CMake config insists on a CUDA toolkit.
if(DEFINED ENV{PLATEAU_CACHE})
  set(_plateau_cache "$ENV{PLATEAU_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_plateau_cache "$ENV{XDG_CACHE_HOME}/plateau")
else()
  set(_plateau_cache "$ENV{HOME}/.cache/plateau")
endif()
set(PLATEAU_LIBTORCH_DIR "${_plateau_cache}/libtorch-2.11.0" CACHE PATH
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
set(_rpaths "${_torch}/lib" "${PLATEAU_LIBTORCH_DIR}/nvidia/cu13/lib")
foreach(_dir IN LISTS _rpaths)
  target_link_options(plateau_torch INTERFACE "LINKER:-rpath,${_dir}" "LINKER:-rpath-link,${_dir}")
endforeach()
