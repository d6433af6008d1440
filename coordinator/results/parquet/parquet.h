// Columns as a Parquet file, by a component that not every build has.
//
// Arrow's C++ library is 62 MB of shared objects, so `plateau` does not link it: the component is a
// module beside the program that is loaded when a Parquet file is asked for. `./plateau build
// --with-parquet` fetches Arrow and builds it.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "coordinator/results/columns.h"

namespace plateau::results {

// plateau-parquet.so beside the program that runs.
std::filesystem::path parquet_module();

// A Parquet file, compressed with Snappy, one nullable field a column. The same columns, the same
// bytes (from the same version of Arrow). Loads the module, once. kNotFound says how to get a
// component that is not there, kVersion that it is another build's; kInternal: Arrow's own words.
Result<std::string> to_parquet(const Columns& columns,
                               const std::filesystem::path& module = parquet_module());

}  // namespace plateau::results
