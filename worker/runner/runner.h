// All trainers of a worker: hand trials in, hear what happens to them.
//
// Pollable: poll_fd() becomes readable when a trainer said something or ended; then, and at
// next_wakeup(), call poll(). One thread; nothing blocks but the destructor, which kills every
// trainer and waits for its end.
#pragma once

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "worker/runner/trainer_slot.h"
#include "worker/runner/trial_events.h"
#include "worker/runner/trial_frames.h"

namespace plateau::runner {

class Runner {
 public:
  // Slots are numbered 0, 1, ... kIo when the kernel gives no epoll descriptor.
  static Result<std::unique_ptr<Runner>> make(RunnerOptions options, std::vector<SlotSetup> slots);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // start.folder must exist. Answered with TrialStarted, or TrialFailed, or TrainerDied.
  void start_trial(SlotIndex slot, TrialStart start, TimeMs now);
  // Answered with TrialDropped, or TrainerDied; with nothing when the trial is not there any more.
  void cancel(SlotIndex slot, const AttemptRef& attempt);
  // Answered with TrialHandedBack of each trial inside, and TrainerDied.
  void stop(SlotIndex slot, DurationMs grace_ms, TimeMs now);

  std::vector<TrialEvent> poll(TimeMs now);
  int poll_fd() const { return epoll_.get(); }
  TimeMs next_wakeup(TimeMs now) const;

 private:
  Runner(RunnerOptions options, Fd epoll);
  void watch_descriptors();

  RunnerOptions options_;
  Fd epoll_;
  std::vector<std::unique_ptr<TrainerSlot>> slots_;
};

}  // namespace plateau::runner
