// The runs that `--reuse` names.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/store/reuse.h"

namespace plateau::cli {

class ReuseRuns {
 public:
  // By name under runs_dir, or by folder. `note`: tells the user.
  static Result<ReuseRuns> open(const std::filesystem::path& run_folder,
                                const std::vector<std::string>& runs,
                                const std::filesystem::path& runs_dir,
                                std::function<void(const std::string&)> note);

  // Takes the results of all runs, in their order, for queued trials from this number on; says how
  // many they were. The trials that have ended by it.
  Result<std::vector<TrialId>> take(TimeMs wall_ms, TrialId first = TrialId{1});

 private:
  struct Source {
    std::string name;
    ResultReuse reuse;
  };
  std::vector<Source> sources_;
  std::function<void(const std::string&)> note_;
};

}  // namespace plateau::cli
