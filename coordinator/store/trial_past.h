// The past of one trial as the run's database tells it, for `plateau why`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/scheduler/events.h"

namespace plateau {

// Times are wall times in ms; 0: did not happen.
struct TrialPast {
  struct Attempt {
    PastAttempt facts;
    std::int64_t start_step = 0;        // above 0: it went on from a checkpoint
    bool alone = false;                 // nothing else might be in its trainer
    std::int64_t micro_batch_size = 0;  // 0: as asked for
    // While it waited: attempts of other trials that ran when it was queued, and that were begun.
    std::int64_t ran_already = 0;
    std::int64_t begun_meanwhile = 0;
  };
  struct Note {
    TimeMs wall_ms = 0;
    bool of_run = false;  // not of this trial alone: workers that came and went
    std::string text;
  };

  TrialStatus status = TrialStatus::kQueued;
  std::string reason;  // of failed and stopped
  RetryPolicy retry;
  std::optional<ResumePoint> resume;
  std::vector<Attempt> attempts;
  std::vector<Note> notes;  // its own, and the run's of the times when it waited; oldest first

  // Of a queued trial.
  TimeMs queued_ms = 0;  // since then
  std::int64_t queued_before = 0;
  std::int64_t running_now = 0;
  std::vector<SetAsideNode> set_aside;
};

// The run's notes of one wait that are told at most.
inline constexpr std::int64_t kWaitNotesMax = 12;

// kNotFound: no such trial; else as of read_run().
Result<TrialPast> read_trial_past(const std::filesystem::path& run_folder, TrialId trial);

}  // namespace plateau
