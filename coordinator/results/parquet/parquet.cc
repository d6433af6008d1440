#include "coordinator/results/parquet/parquet.h"

#include <dlfcn.h>

#include "coordinator/results/parquet/module.h"

namespace plateau::results {
namespace fs = std::filesystem;

fs::path parquet_module() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / "plateau-parquet.so";
}

Result<std::string> to_parquet(const Columns& columns, const fs::path& module) {
  if (!fs::exists(module)) {
    return not_found(
        "This build cannot write Parquet: the optional component " + module.string() +
        " is not there. './plateau build --with-parquet' fetches Arrow's C++ library (55 MB) and "
        "builds it; or write --format csv, json or jsonl.");
  }
  // Never closed: Arrow keeps threads and a memory pool for the life of the process.
  void* const handle = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return not_found("The Parquet component cannot be loaded: " + std::string(::dlerror()) +
                     ". './plateau build --with-parquet' fetches and builds it again.");
  }
  const auto* const layout = static_cast<const int*>(::dlsym(handle, kParquetLayoutName));
  void* const write = ::dlsym(handle, kParquetWriteName);
  if (layout == nullptr || write == nullptr || *layout != kParquetLayout) {
    return Error{ErrorKind::kVersion, "The Parquet component " + module.string() +
                                          " was built for another version of plateau. './plateau "
                                          "build --with-parquet' builds it again."};
  }
  std::string out;
  if (reinterpret_cast<ParquetWrite*>(write)(columns, out)) return out;
  return internal_error("Arrow could not write Parquet: " + out);
}

}  // namespace plateau::results
