// A Parquet component as another version of plateau would have built it: both names, another
// layout number. Its writer must never be called: it would read Columns of the wrong layout.
#include <string>

#include "coordinator/results/parquet/module.h"

extern "C" {
[[gnu::visibility("default")]] extern const int plateau_parquet_layout =
    plateau::results::kParquetLayout + 1;

[[gnu::visibility("default")]] bool plateau_parquet_write(const plateau::results::Columns& /*in*/,
                                                          std::string& out) {
  out = "written with another layout";
  return true;
}
}
