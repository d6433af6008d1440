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
  // Trainers as child processes. Slots are numbered 0, 1, ... kIo when the kernel gives no epoll
  // descriptor.
  static Result<std::unique_ptr<Runner>> make(RunnerOptions options, std::vector<SlotSetup> slots);
  virtual ~Runner() = default;

  // Answered with TrialStarted, or TrialFailed, or TrainerDied.
  virtual void start_trial(SlotIndex slot, TrialStart start, TimeMs now) = 0;
  // Answered with TrialDropped, or TrainerDied; with nothing when the trial is not there any more.
  virtual void cancel(SlotIndex slot, const AttemptRef& attempt) = 0;
  // Answered with TrialHandedBack of each trial inside, and TrainerDied.
  virtual void stop(SlotIndex slot, DurationMs grace_ms, TimeMs now) = 0;

  virtual std::vector<TrialEvent> poll(TimeMs now) = 0;
  virtual int poll_fd() const = 0;
  virtual TimeMs next_wakeup(TimeMs now) const = 0;
};

}  // namespace plateau::runner
