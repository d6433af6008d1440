# The build type, the compiler cache and CUDA: what a person may choose, with sensible defaults.
#
# Sets PLATEAU_CUDA_ENABLED to whether .cu files are compiled and libtorch_cuda is linked.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()

find_program(PLATEAU_CCACHE ccache DOC "ccache, or empty to build without it")
if(PLATEAU_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The two slacks are what ccache's manual asks for where precompiled headers are used.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      "CCACHE_SLOPPINESS=pch_defines,time_macros" "${PLATEAU_CCACHE}")
endif()

set(PLATEAU_CUDA_ENABLED OFF)
if(PLATEAU_TRAINER AND NOT PLATEAU_CUDA STREQUAL "OFF")
  find_program(PLATEAU_NVCC nvcc HINTS "$ENV{CUDACXX}" "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin)
  if(PLATEAU_NVCC)
    execute_process(COMMAND "${PLATEAU_NVCC}" --version OUTPUT_VARIABLE _nvcc)
    string(REGEX MATCH "release ([0-9]+)" _release "${_nvcc}")
    if(CMAKE_MATCH_1 EQUAL 13)  # the CUDA release of the torch 2.11.0 wheel
      set(PLATEAU_CUDA_ENABLED ON)
    endif()
  endif()
  if(PLATEAU_CUDA STREQUAL "ON" AND NOT PLATEAU_CUDA_ENABLED)
    message(FATAL_ERROR "PLATEAU_CUDA=ON needs nvcc of CUDA 13, which LibTorch 2.11.0 is built "
                        "with; it is not on the PATH nor in /usr/local/cuda. Install the toolkit, "
                        "or configure with -DPLATEAU_CUDA=OFF.")
  endif()
endif()

if(PLATEAU_CUDA_ENABLED)
  set(CMAKE_CUDA_COMPILER "${PLATEAU_NVCC}")
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90)  # A100 and H100/H200; newer ones compile the PTX of 90
  endif()
  enable_language(CUDA)
  set(CMAKE_CUDA_STANDARD 20)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc 12 and later do
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
endif()
message(STATUS "Plateau: CUDA ${PLATEAU_CUDA_ENABLED}, trainer ${PLATEAU_TRAINER}, "
               "${CMAKE_BUILD_TYPE}")
