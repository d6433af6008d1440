// From a sweep file on disk to its plan: read, look up bases and tasks, expand. No download.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/catalogue/catalogue.h"
#include "common/spec/sweep.h"

namespace plateau {

struct SweepRequest {
  std::filesystem::path file;
  std::vector<std::string> overrides;  // "rank=1,2,4"
  bool smoke = false;                  // smoke(sweep), name suffix "-smoke"
  // Looks for mistakes in the `report` section, which who lays out tables knows; empty: nobody. A
  // message begins with the path of what is wrong ("report.tables[0].show: "), which gets its line.
  std::function<Status(const nlohmann::json& report)> check_report = {};
};

struct LoadedSweep {
  std::string yaml;  // the file's bytes, for the run folder
  Sweep sweep;       // after overrides and smoke
  Sources sources;   // facts of every base and task in it
  SweepPlan plan;    // empty after find_sweep()
};

// The two halves of load_sweep(). The second is the long one where there are many trials, and needs
// nothing but what the first has found.
Result<LoadedSweep> find_sweep(const SweepRequest& request, const Catalogue& catalogue,
                               const std::filesystem::path& cache = cache_folder());
Status plan_sweep(LoadedSweep& found);

// Equal for two sweeps that are planned alike by the same program: a hash of the file, of what the
// request adds, and of the bases and tasks that were found.
std::string sweep_fingerprint(const SweepRequest& request, const LoadedSweep& found);

// kNotFound: no such file. kInvalidArgument: every mistake of every section at once with its place,
// unknown base or task with the nearest name. Reads local folders (config.json, weights for their
// SHA-256 once, label columns) and the catalogue; asks no network.
Result<LoadedSweep> load_sweep(const SweepRequest& request, const Catalogue& catalogue,
                               const std::filesystem::path& cache = cache_folder());

}  // namespace plateau
