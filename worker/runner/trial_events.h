// What a runner tells of its trainers and the trials in them, one struct each.
//
// Plain data, shared with the agent's state machine, which takes each of them as an event.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"

namespace plateau::runner {

// One execution of one trial.
struct AttemptRef {
  TrialId trial;
  AttemptNumber attempt;
  friend auto operator<=>(const AttemptRef&, const AttemptRef&) = default;
};

// A file that goes to the coordinator, or comes from it.
struct Artifact {
  std::string name;  // as the coordinator files it: "adapter/adapter_model.safetensors"
  std::string path;  // on this node; empty for one that comes from the coordinator
  std::uint64_t size_bytes = 0;
  std::string sha256;
  friend bool operator==(const Artifact&, const Artifact&) = default;
};

// The kinds of the wire, by the same numbers (plateau.proto's FailureKind).
enum class FailureKind {
  kTrainerCrashed = 1,
  kOutOfMemory = 2,
  kDiverged = 3,
  kBadConfiguration = 4,
  kNodeFault = 5,
};

struct TrialStarted {
  AttemptRef attempt;
  std::int64_t step = 0;  // 0, or the checkpoint's
  std::int64_t steps_total = 0;
};

struct TrialProgress {
  AttemptRef attempt;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
  double loss = 0.0;
  double tokens_per_s = 0.0;
};

struct TrialMetric {
  AttemptRef attempt;
  std::int64_t step = 0;
  std::string split;
  std::string name;
  double value = 0.0;
};

// Complete on this node's disk.
struct TrialCheckpoint {
  AttemptRef attempt;
  std::int64_t step = 0;
  Artifact file;
};

struct TrialFinished {
  AttemptRef attempt;
  std::string result_json;
  std::vector<Artifact> artifacts;
};

struct TrialFailed {
  AttemptRef attempt;
  FailureKind kind = FailureKind::kTrainerCrashed;
  std::string message;
};

struct TrialHandedBack {
  AttemptRef attempt;
};

// A cancelled trial is out of the trainer.
struct TrialDropped {
  AttemptRef attempt;
};

// The process is gone, or could not be started; all that was in it went with it. A stop that was
// asked for ends in this as well, with what was left inside handed back.
struct TrainerDied {
  SlotIndex slot;
  FailureKind kind = FailureKind::kTrainerCrashed;
  std::string message;
};

using TrialEvent =
    std::variant<TrialStarted, TrialProgress, TrialMetric, TrialCheckpoint, TrialFinished,
                 TrialFailed, TrialHandedBack, TrialDropped, TrainerDied>;

}  // namespace plateau::runner
