# plateau-parquet.so beside the programs: the optional component that writes Parquet, with Arrow's C++
# library out of the pyarrow wheel. `plateau` is the same with and without it; it loads the module
# when a Parquet file is asked for.
#
# PLATEAU_ARROW_DIR is the folder that holds pyarrow/ (common/build/fetch_arrow.py makes it).
set(PLATEAU_PARQUET "AUTO" CACHE STRING "Write Parquet: AUTO (when Arrow is in the cache), ON or OFF")
include(PlateauCache)
set(PLATEAU_ARROW_DIR "${PLATEAU_CACHE_FOLDER}/arrow-26.0.1" CACHE PATH
    "Folder that holds pyarrow/include and pyarrow/libarrow.so.2600 of the pyarrow 26.0.1 wheel")

set(_arrow "${PLATEAU_ARROW_DIR}/pyarrow")
if(PLATEAU_PARQUET STREQUAL "ON" AND NOT EXISTS "${_arrow}/libparquet.so.2600")
  message(FATAL_ERROR "PLATEAU_PARQUET=ON, but Arrow is not at ${PLATEAU_ARROW_DIR}. Run ./plateau build "
                      "--with-parquet once (it fetches the wheel), or say where it is with "
                      "-DPLATEAU_ARROW_DIR=FOLDER.")
endif()
# Arrow is built without the sanitizers, whose builds leave it out.
if(PLATEAU_PARQUET STREQUAL "OFF" OR PLATEAU_SANITIZE OR NOT EXISTS "${_arrow}/libparquet.so.2600")
  return()
endif()

add_library(plateau-parquet MODULE "${CMAKE_SOURCE_DIR}/coordinator/results/parquet/module.cc")
target_include_directories(plateau-parquet SYSTEM PRIVATE "${_arrow}/include")
target_link_libraries(plateau-parquet PRIVATE plateau_options "${_arrow}/libparquet.so.2600"
                                              "${_arrow}/libarrow.so.2600")
target_link_options(plateau-parquet PRIVATE "LINKER:-rpath,${_arrow}" "LINKER:-rpath-link,${_arrow}")
set_target_properties(plateau-parquet PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden
                      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
