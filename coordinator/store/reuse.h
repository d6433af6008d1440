// Results of another run for trials that both have: the same key, so the same numbers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "coordinator/store/sqlite.h"

namespace plateau {

struct Reused {
  std::vector<TrialId> taken;         // trials that have ended now, by id
  std::vector<std::string> left_out;  // why one that fits was not taken, a sentence each
};

// A second connection to the run's database, beside its Store: it writes only while the Store
// waits, and no row that the Store has read before. Blocks for the disk. The caller holds the run
// folder's lock; the other run may be at work.
class ResultReuse {
 public:
  // kNotFound, kVersion, kCorrupt: of either run. kInvalidArgument: both are the same folder.
  static Result<ResultReuse> open(const std::filesystem::path& run_folder,
                                  const std::filesystem::path& other_folder);

  // For every trial from this number on that is queued here and has finished or diverged there: its
  // attempts, metrics, result and, verified by their SHA-256, its files (hard links where the disk
  // allows). Files come first and rows in one transaction, so a crash leaves a trial as it was.
  Result<Reused> take(TimeMs wall_ms, TrialId first = TrialId{1});

 private:
  struct Candidate {
    std::int64_t trial = 0;
    std::string folder;  // relative to the run folder
    std::int64_t source_trial = 0;
    std::string source_folder;
    std::string label;
    std::string artifacts_json;  // empty: there is no result (it diverged)
  };
  ResultReuse(Database database, std::filesystem::path run_folder, std::filesystem::path other)
      : database_(std::move(database)),
        run_folder_(std::move(run_folder)),
        other_folder_(std::move(other)) {}
  Result<std::vector<Candidate>> candidates(TrialId first);
  Status take_files(const Candidate& candidate) const;
  Status take_rows(const Candidate& candidate, const std::string& other_name, TimeMs wall_ms);

  Database database_;
  std::filesystem::path run_folder_;
  std::filesystem::path other_folder_;
};

}  // namespace plateau
