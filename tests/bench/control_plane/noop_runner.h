// A runner whose trials have started and finished as soon as they are handed over: one small
// metric, no artifacts, no process.
#pragma once

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <sys/eventfd.h>

#include "worker/runner/runner.h"

namespace plateau {

inline constexpr char kNoopResult[] =
    R"({"steps":1,"metrics":[{"split":"test","name":"accuracy","value":0.5}]})";

class NoopRunner : public runner::Runner {
 public:
  // Asked of each trial that starts: does it finish?
  using OnStart = std::function<bool(TrialId)>;
  explicit NoopRunner(OnStart on_start = {}) : on_start_(std::move(on_start)) {}

  void start_trial(SlotIndex, runner::TrialStart start, TimeMs) override {
    happened_.emplace_back(runner::TrialStarted{start.attempt, 0, 1});
    if (on_start_ && !on_start_(start.attempt.trial)) return;
    happened_.emplace_back(runner::TrialFinished{start.attempt, kNoopResult, {}});
  }
  // Nothing is ever inside long enough to be cancelled.
  void cancel(SlotIndex, const runner::AttemptRef&) override {}
  void stop(SlotIndex slot, DurationMs, TimeMs) override {
    happened_.emplace_back(runner::TrainerDied{slot, runner::FailureKind::kTrainerCrashed, "stop"});
  }
  // The loop polls after whatever it carried out, so the descriptor need never become readable.
  std::vector<runner::TrialEvent> poll(TimeMs) override { return std::exchange(happened_, {}); }
  int poll_fd() const override { return never_.get(); }
  TimeMs next_wakeup(TimeMs) const override { return std::numeric_limits<TimeMs>::max(); }

 private:
  OnStart on_start_;
  std::vector<runner::TrialEvent> happened_;
  runner::Fd never_{::eventfd(0, EFD_CLOEXEC)};
};

}  // namespace plateau
