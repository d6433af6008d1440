// Everything that can happen to an agent, one struct each: what agent_state.h's apply() takes.
//
// Plain data: no sockets, no clock, no protobuf. The loop fills these from frames, from its
// runner and from signals; the simulator makes them up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "worker/runner/trial_events.h"

namespace plateau::agent {

using runner::Artifact;
using runner::AttemptRef;
using runner::FailureKind;

// ---- from the coordinator -----------------------------------------------------------------------

struct Welcome {
  std::uint64_t coordinator_run = 0;
  DurationMs lease_ms = 0;
  std::uint64_t hello_number = 0;  // of the Hello it answers; another than those sent is dropped
  std::vector<AttemptRef> keep;    // of that Hello's held; the others are the coordinator's no more
  std::uint64_t acked_sequence = 0;
};

struct Refused {
  enum class Reason { kProtocolVersion, kUnknownSession, kNoMoreWork, kOther };
  Reason reason = Reason::kOther;
  std::string message;
};

struct Assign {
  AttemptRef attempt;
  SlotIndex slot;
  std::string trial_json;
  bool alone = false;
  std::optional<Artifact> resume;  // its bytes come as ResumeData
};

struct ResumeData {
  AttemptRef attempt;
  std::uint64_t offset = 0;
  std::string data;
};

struct Cancel {
  AttemptRef attempt;
  std::string reason;
};

struct Ack {
  std::uint64_t sequence = 0;
};

struct ChunkAck {
  AttemptRef attempt;
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t credit_bytes = 0;
  bool complete = false;
};

struct HeartbeatReply {
  DurationMs lease_ms = 0;
};

struct Stop {
  std::string reason;
  bool drain = false;  // true: what runs is finished first; false: checkpoint and hand back
};

using CoordinatorBody =
    std::variant<Welcome, Refused, Assign, ResumeData, Cancel, Ack, ChunkAck, HeartbeatReply, Stop>;

// A message of another session is dropped.
struct FromCoordinator {
  SessionId session;
  CoordinatorBody body;
};

// ---- from the runner: worker/runner/trial_events.h ----------------------------------------------
// Reports of an attempt that is held no more are dropped.

using runner::TrainerDied;
using runner::TrialCheckpoint;
using runner::TrialDropped;
using runner::TrialFailed;
using runner::TrialFinished;
using runner::TrialHandedBack;
using runner::TrialMetric;
using runner::TrialProgress;
using runner::TrialStarted;

// ---- from the loop ------------------------------------------------------------------------------

// The answer to PrepareTrial: the trial with paths of this node.
struct TrialPrepared {
  AttemptRef attempt;
  std::string trial_json;
};

struct PreparationFailed {
  AttemptRef attempt;
  FailureKind kind = FailureKind::kBadConfiguration;
  std::string message;
};

// The answer to VerifyResume. A bad file is thrown away and the attempt begins at step 0.
struct ResumeVerified {
  AttemptRef attempt;
  bool good = false;
};

// A SendChunk could not be carried out: the file cannot be read.
struct UploadUnreadable {
  AttemptRef attempt;
  std::string name;
  std::string message;
};

// SIGTERM, SIGUSR1, SIGINT: checkpoint, hand back, exit within the grace time.
struct Preempt {
  std::string reason;
};

// Time passed; next_wakeup() says when the next one is due.
struct Tick {};

using Event =
    std::variant<FromCoordinator, TrialStarted, TrialProgress, TrialMetric, TrialCheckpoint,
                 TrialFinished, TrialFailed, TrialHandedBack, TrialDropped, TrainerDied,
                 TrialPrepared, PreparationFailed, ResumeVerified, UploadUnreadable, Preempt, Tick>;

}  // namespace plateau::agent
