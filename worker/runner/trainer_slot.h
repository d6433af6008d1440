// The trainer process of one slot: started when there is work, kept from trial to trial, watched,
// stopped, and started anew after a crash.
//
// One thread, the one that lives as long as the worker (process.h says why). Nothing blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/spec/pipe.h"
#include "worker/runner/process.h"
#include "worker/runner/trial_events.h"
#include "worker/runner/trial_frames.h"

namespace plateau::runner {

struct SlotSetup {
  SlotIndex index;
  std::string device_name;               // for messages: "cuda:1"
  std::string device_argument;           // for the trainer: "cpu" or "cuda:0"
  std::vector<std::string> environment;  // CUDA_VISIBLE_DEVICES=..., OMP_NUM_THREADS=...
};

struct RunnerOptions {
  std::string trainer_program;
  std::string log_folder;  // trainer-<slot>.log; exists
  // A trainer with trials in it that sends nothing for so long hangs, and is killed.
  DurationMs hang_after_ms = 300'000;
  // Between two starts of a trainer that dies without finishing anything: nothing, then this,
  // doubling up to the maximum.
  DurationMs backoff_ms = 250;
  DurationMs backoff_max_ms = 10'000;
};

class TrainerSlot {
 public:
  TrainerSlot(const RunnerOptions& options, SlotSetup setup);

  void start_trial(TrialStart start, TimeMs now);
  void cancel(const AttemptRef& attempt);
  // Checkpoint all, hand it back, end; killed after grace_ms. Ends in TrainerDied.
  void stop(DurationMs grace_ms, TimeMs now);

  // Reads, writes, notices ends and hangs, starts what is due.
  void poll(TimeMs now, std::vector<TrialEvent>& events);

  // When poll() has something to do although no descriptor became ready.
  TimeMs next_wakeup(TimeMs now) const;
  // nullptr when there is none now.
  const Process* process() const { return process_.get(); }
  std::size_t inside() const { return inside_.size() + waiting_.size(); }

 private:
  void start_process(TimeMs now, std::vector<TrialEvent>& events);
  void hand_over(const TrialStart& start, std::vector<TrialEvent>& events);
  void read_frames(TimeMs now, std::vector<TrialEvent>& events);
  void take_frame(const nlohmann::json& frame, std::vector<TrialEvent>& events);
  void watch(TimeMs now);
  void kill_because(std::string reason);
  void bury(const ExitStatus& status, TimeMs now, std::vector<TrialEvent>& events);
  std::string last_words() const;

  const RunnerOptions& options_;
  SlotSetup setup_;
  std::string log_path_;

  std::unique_ptr<Process> process_;
  pipe::Decoder decoder_;
  bool said_hello_ = false;
  bool finished_any_ = false;  // in this process's life
  bool stopping_ = false;
  std::string kill_reason_;  // why we killed it, for the message
  FailureKind kill_kind_ = FailureKind::kTrainerCrashed;
  TimeMs last_heard_ = 0;
  TimeMs kill_at_ = 0;           // 0: not asked to stop
  TimeMs output_closed_at_ = 0;  // 0: open
  std::uint64_t log_start_ = 0;  // where this process's words begin in the log

  std::set<AttemptRef> inside_;
  std::deque<TrialStart> waiting_;   // for a process
  std::vector<AttemptRef> dropped_;  // cancelled while they waited; said at the next poll()
  int failures_ = 0;                 // in a row, without anything finished
  TimeMs not_before_ = 0;
};

}  // namespace plateau::runner
