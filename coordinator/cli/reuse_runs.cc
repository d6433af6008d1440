#include "coordinator/cli/reuse_runs.h"

#include <utility>

#include "coordinator/cli/run_folder.h"

namespace plateau::cli {
namespace fs = std::filesystem;

Result<ReuseRuns> ReuseRuns::open(const fs::path& run_folder, const std::vector<std::string>& runs,
                                  const fs::path& runs_dir,
                                  std::function<void(const std::string&)> note) {
  ReuseRuns all;
  all.note_ = std::move(note);
  for (const std::string& name : runs) {
    const Result<fs::path> folder = find_run(name, runs_dir);
    if (!folder) return folder.error();
    Result<ResultReuse> reuse = ResultReuse::open(run_folder, *folder);
    if (!reuse) return reuse.error();
    all.sources_.push_back({name, std::move(*reuse)});
  }
  return all;
}

Result<std::vector<TrialId>> ReuseRuns::take(TimeMs wall_ms, TrialId first) {
  std::vector<TrialId> taken;
  for (Source& source : sources_) {
    const Result<Reused> reused = source.reuse.take(wall_ms, first);
    if (!reused) return reused.error();
    for (const std::string& reason : reused->left_out)
      note_("--reuse " + source.name + ": " + reason);
    if (!reused->taken.empty()) {
      note_("--reuse " + source.name + ": the results of " + std::to_string(reused->taken.size()) +
            (reused->taken.size() == 1 ? " trial" : " trials") + " are taken over");
    }
    taken.insert(taken.end(), reused->taken.begin(), reused->taken.end());
  }
  return taken;
}

}  // namespace plateau::cli
