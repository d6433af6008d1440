# plateau_library, plateau_program and plateau_test: how every target of the tree is declared.
#
# Warnings, sanitizers and the include root belong to our targets only; third parties are SYSTEM.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs too, so that they can share a precompiled header with the libraries.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

add_library(plateau_options INTERFACE)
target_include_directories(plateau_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(
  plateau_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wshadow;-Wold-style-cast;-Werror>)
# g++ 12 warns of an impossible overlap in std::string operator+ (GCC bug 105651).
target_compile_options(plateau_options
                       INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
if(PLATEAU_SANITIZE)
  # What UndefinedBehaviorSanitizer finds ends the program, so that a test fails for it. g++ warns
  # of impossible things in instrumented code; the release build is the one that must have none.
  target_compile_options(plateau_options INTERFACE -fsanitize=${PLATEAU_SANITIZE}
                                                   -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer -g1 -Wno-error)
  target_link_options(plateau_options INTERFACE -fsanitize=${PLATEAU_SANITIZE})
endif()
if(PLATEAU_FUZZ)
  target_compile_options(plateau_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)

# plateau_library(NAME SOURCES a.cc b.cc DEPS other_targets)
function(plateau_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE plateau_options)
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_DEPS})
    target_include_directories(${name} INTERFACE "${PROJECT_SOURCE_DIR}")
  endif()
endfunction()

# plateau_program(NAME SOURCES main.cc DEPS targets): an executable in build/bin.
function(plateau_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} plateau_options)
endfunction()

# plateau_header_target(NAME HEADERS <a.h> DEPS targets OPTIONS -O1): a target that carries
# precompiled headers for others to reuse. Only the first call with a name makes it.
function(plateau_header_target name)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS;OPTIONS" ${ARGN})
  if(TARGET ${name})
    return()
  endif()
  set(_source "${CMAKE_BINARY_DIR}/${name}.cc")
  if(NOT EXISTS "${_source}")
    file(WRITE "${_source}" "// Carries precompiled headers.\n")
  endif()
  add_library(${name} STATIC "${_source}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} plateau_options)
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

# What every test entry gets. End-to-end tests start processes that use all cores: one at a time.
# Tests run side by side, so their OpenMP threads wait as a worker's trainers do (GOMP_SPINCOUNT, see
# worker/agent/trainer_environment.h): those that spin would take the others' cores.
function(_plateau_test_properties name label timeout)
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${timeout}
    ENVIRONMENT "PLATEAU_SOURCE_DIR=${PROJECT_SOURCE_DIR};PLATEAU_BIN_DIR=${CMAKE_BINARY_DIR}/bin;PLATEAU_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1;GOMP_SPINCOUNT=10000;TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp;LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")
  if(label STREQUAL "end_to_end")
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# plateau_script_test(NAME LABEL tidy COMMAND python3 x_test.py [TIMEOUT seconds])
# A test that is a script, run in its source folder. Exit 77 means skipped: the script says why.
function(plateau_script_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  _plateau_test_properties(${name} "${ARG_LABEL}" ${ARG_TIMEOUT})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# Tests run once for each time they are built, so that they compile fast counts for more than that
# they run fast. What they test keeps its optimisation.
# g++ 12 at -O1 warns of impossible overruns inside std::string.
set(PLATEAU_TEST_OPTIONS $<$<CONFIG:Release>:-O1>
                         $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds;-Wno-stringop-overflow>)

# plateau_test(NAME LABEL unit SOURCES a_test.cc DEPS targets [TIMEOUT seconds] [TORCH])
# A GoogleTest binary, one CTest entry, with a label: unit, simulation, contract, parity,
# end_to_end, tidy. TORCH: its sources use LibTorch.
function(plateau_test name)
  cmake_parse_arguments(ARG "TORCH" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main
                                        plateau_options)
  target_compile_options(${name} PRIVATE ${PLATEAU_TEST_OPTIONS})
  if(ARG_TORCH)
    plateau_header_target(
      plateau_torch_test_headers DEPS GTest::gtest GTest::gmock plateau_torch
      HEADERS <gmock/gmock.h> <gtest/gtest.h> ${PLATEAU_TORCH_HEADERS} OPTIONS ${PLATEAU_TEST_OPTIONS})
    target_precompile_headers(${name} REUSE_FROM plateau_torch_test_headers)
  else()
    plateau_header_target(plateau_test_headers DEPS GTest::gtest GTest::gmock
                          HEADERS <gmock/gmock.h> <gtest/gtest.h> OPTIONS ${PLATEAU_TEST_OPTIONS})
    target_precompile_headers(${name} REUSE_FROM plateau_test_headers)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name})
  _plateau_test_properties(${name} "${ARG_LABEL}" ${ARG_TIMEOUT})
endfunction()
