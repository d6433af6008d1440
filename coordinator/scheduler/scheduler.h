// Who gets what, who is lost, what follows a failure: a pure state machine.
//
// apply() is the only way in. No clock, thread, socket, file or random number: the same events at
// the same times give the same actions. One thread owns it. Time is monotonic and never runs
// backwards (PLATEAU_CHECK).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/scheduler/actions.h"
#include "coordinator/scheduler/events.h"
#include "coordinator/scheduler/state.h"

namespace plateau {

struct SchedulerOptions {
  // Before a worker was silent for so long it is lost, and its trials are queued again; at least
  // 2,000 is sensible.
  DurationMs lease_ms = 10'000;
  DurationMs assign_retry_ms = 2'000;     // an assignment that no heartbeat lists is sent again
  DurationMs drain_patience_ms = 60'000;  // longer than a worker's grace time
  std::int64_t charged_max = 3;           // charged attempts that end a trial as failed
  std::int64_t node_faults_max = 2;       // in a row, before a node is set aside
};

struct Counts {
  std::int64_t queued = 0;
  std::int64_t assigned = 0;
  std::int64_t running = 0;
  std::int64_t finished = 0;
  std::int64_t diverged = 0;
  std::int64_t failed = 0;
  std::int64_t stopped = 0;

  std::int64_t total() const {
    return queued + assigned + running + finished + diverged + failed + stopped;
  }
  friend bool operator==(const Counts&, const Counts&) = default;
  std::int64_t ended() const { return finished + diverged + failed + stopped; }
};

// Why a trial is where it is, and how it came there.
struct TrialStory {
  TrialId trial;
  TrialStatus status = TrialStatus::kQueued;
  std::string now;  // one sentence: what it waits for, or where it runs, or how it ended
  RetryPolicy retry;
  std::vector<AttemptStory> attempts;
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);

  // What follows from the event, in order (see actions.h for what the caller owes them). Never
  // fails: what does not fit (a stale report, an unknown session) is answered or noted.
  std::vector<Action> apply(const Event& event, TimeMs now_ms);

  const SchedulerOptions& options() const { return options_; }
  // Constant time.
  const Counts& counts() const { return counts_; }
  // For invariants, status lines and tests: to look at, not to keep.
  const SchedulerState& state() const { return state_; }
  // nullptr: no such trial.
  const TrialEntry* find(TrialId trial) const;
  // The trial must exist.
  TrialStory why(TrialId trial, TimeMs now_ms) const;

 private:
  SchedulerOptions options_;
  SchedulerState state_;
  Counts counts_;
  TimeMs now_ms_ = 0;
};

}  // namespace plateau
