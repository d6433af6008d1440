// What plateau-parquet.so offers, for parquet.cc alone.
#pragma once

#include <string>

#include "coordinator/results/columns.h"

namespace plateau::results {

// Raised with every change of Columns or of the call: a module of another number is refused.
inline constexpr int kParquetLayout = 1;

inline constexpr char kParquetLayoutName[] = "plateau_parquet_layout";  // an int
inline constexpr char kParquetWriteName[] = "plateau_parquet_write";

// Puts the file's bytes into `out` and returns true, or what went wrong and false. Throws nothing.
using ParquetWrite = bool(const Columns& columns, std::string& out);

}  // namespace plateau::results
