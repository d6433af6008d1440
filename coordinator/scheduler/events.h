// Everything that can happen to a sweep, one struct each. The scheduler knows nothing else.
//
// Plain values, no owner but the holder. "Stored" says whether the event leaves records behind
// (actions.h) that are committed before anything is answered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace plateau {

// One execution of one trial.
struct AttemptRef {
  TrialId trial;
  AttemptNumber attempt;
  friend constexpr auto operator<=>(const AttemptRef&, const AttemptRef&) = default;
};

// What placement needs to know of a trial; its JSON stays in the store.
struct TrialFacts {
  TrialId id;
  std::int64_t round = 0;      // 0: the first seed of its cell, 1: the second, ...
  std::string group;           // trials of one group may share a trainer: base sha256 and precision
  DurationMs expected_ms = 0;  // 0: unknown
  bool alone = false;          // never shares a trainer (full fine-tuning)
  std::int64_t batch_size = 1;        // sequences a step
  std::int64_t micro_batch_size = 0;  // as asked for; 0: the whole batch at once
};

struct SlotFacts {
  SlotIndex index;
  std::string device;       // "cpu", "cuda:0"
  std::string device_name;  // for people
  std::int64_t memory_bytes = 0;
  std::int64_t pack_limit = 1;  // most trials side by side, at least 1
};

// A file of an attempt that arrived at the coordinator, verified.
struct ArtifactFacts {
  std::string name;  // relative to the attempt, '/'-separated
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

// A checkpoint whose bytes are at the coordinator: where the next attempt goes on.
struct ResumePoint {
  AttemptNumber written_by;
  std::int64_t step = 0;
  ArtifactFacts artifact;
};

// How an attempt failed, as the worker saw it. The rule of each: README.md, "Failure kinds".
enum class FailureKind {
  kTrainerCrashed,
  kOutOfMemory,
  kDiverged,
  kBadConfiguration,
  kNodeFault,
};

// How an attempt ended.
enum class AttemptEnd {
  kFinished,
  kDiverged,
  kCrashedInPack,     // nobody is blamed: each member runs alone
  kCrashedAlone,      // charged
  kOutOfMemory,       // charged only when there is nothing smaller to try
  kBadConfiguration,  // ends the trial
  kNodeFault,
  kWorkerLost,
  kHandedBack,  // preemption, walltime, stop
  kStopped,     // cancelled by us
};

enum class TrialStatus { kQueued, kAssigned, kRunning, kFinished, kDiverged, kFailed, kStopped };

// Lower-case words, as stored and shown: "trainer crashed", "worker lost", "queued", ...
const char* to_string(FailureKind kind);
const char* to_string(AttemptEnd end);
const char* to_string(TrialStatus status);
std::optional<AttemptEnd> attempt_end_from(const std::string& text);
std::optional<TrialStatus> trial_status_from(const std::string& text);

// An attempt of before, as the store kept it. Times are wall times; 0: did not happen.
struct PastAttempt {
  AttemptNumber attempt;
  SessionId session;
  std::string node;  // worker name
  SlotIndex slot;
  TimeMs queued_wall_ms = 0;
  TimeMs assigned_wall_ms = 0;
  TimeMs started_wall_ms = 0;
  TimeMs ended_wall_ms = 0;
  std::optional<AttemptEnd> end;  // nullopt: still open
  bool charged = false;
  std::string message;
};

// What the failures of a trial so far mean for its next attempts.
struct RetryPolicy {
  std::int64_t charged = 0;           // attempts held against the trial
  bool alone = false;                 // a pack with it crashed or ran out of memory
  std::int64_t pack_cap = 0;          // largest pack it may be in; 0: no cap
  std::int64_t micro_batch_size = 0;  // smaller than asked for after out of memory; 0: as asked
  std::string avoid_node;             // where it was lost last; empty: nowhere
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct RestoredTrial {
  TrialFacts facts;
  TrialStatus status = TrialStatus::kQueued;
  std::string reason;  // of failed and stopped
  RetryPolicy retry;
  std::vector<PastAttempt> attempts;  // by number
  std::shared_ptr<const ResumePoint> resume;
};

// A life of a worker that the store has seen. Its process may be gone: a caller on the same host
// may check the pid and send ConnectionLost.
struct RestoredSession {
  SessionId session;
  std::string worker_name;
  std::string host;
  std::int64_t pid = 0;
  std::uint64_t acked_sequence = 0;
};

struct SetAsideNode {
  std::string node;
  std::string reason;
};

// What an attempt reports. In order of a worker's sequence numbers, each until it is acked.
namespace report {
struct Started {
  SlotIndex slot;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
};
struct Progress {
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
  double loss = 0.0;
  double tokens_per_s = 0.0;
};
struct Metric {
  std::int64_t step = 0;
  std::string split;
  std::string name;
  double value = 0.0;
};
struct Checkpointed {
  std::int64_t step = 0;
  ArtifactFacts artifact;
};
struct Finished {
  std::string result_json;  // common/spec/pipe.h
  std::vector<ArtifactFacts> artifacts;
};
struct Failed {
  FailureKind kind = FailureKind::kTrainerCrashed;
  std::string message;
  std::vector<TrialId> pack;  // in the trainer when it died, this trial included
};
struct HandedBack {
  std::string reason;
};
}  // namespace report

namespace event {

// The first event of every coordinator's life: what the store holds. Not stored (it comes from
// there). Attempts that were open stay open: their worker has one lease to say Hello.
struct Restored {
  std::vector<RestoredTrial> trials;  // by id
  std::vector<RestoredSession> sessions;
  std::vector<SetAsideNode> set_aside;
  TimeMs wall_ms = 0;          // now, as wall time: dates the attempts of before
  bool more_expected = false;  // a search goes on: the run is not over when these trials have ended
};

// More trials, already in the store. Not stored again.
struct TrialsSubmitted {
  std::vector<TrialFacts> trials;
  bool more_expected = false;  // as in Restored; false, without trials: a search has ended
};

// A worker introduces itself: at its start, after a reconnection, after Refused. Stored (session).
// `held` lists every attempt it holds: received, training, or ended with a report that is not
// acked yet. What is not current is not kept; what was assigned and did not arrive is sent again.
struct Hello {
  SessionId session;
  std::string worker_name;
  std::string host;
  std::int64_t pid = 0;
  std::vector<SlotFacts> slots;
  std::vector<AttemptRef> held;
  std::uint64_t first_sequence = 1;  // all reports below were acked once
  std::uint64_t number = 0;          // of the session's Hellos; comes back in Welcome
};

// The worker lives. Not stored. `running` lists what it holds, as in Hello.
struct Heartbeat {
  SessionId session;
  std::vector<AttemptRef> running;
};

// Something happened to an attempt. Stored, but for Progress.
struct Report {
  SessionId session;
  std::uint64_t sequence = 0;  // per session, from 1, without gaps; 0: progress, never acked
  AttemptRef attempt;
  std::variant<report::Started, report::Progress, report::Metric, report::Checkpointed,
               report::Finished, report::Failed, report::HandedBack>
      body;
};

// A checkpoint's bytes are at the coordinator, verified, renamed and synced. Stored.
struct CheckpointStored {
  AttemptRef attempt;
  std::int64_t step = 0;
  ArtifactFacts artifact;
};

// The worker ends and holds nothing. Stored (what it held is queued again).
struct Goodbye {
  SessionId session;
  std::string reason;
};

// The worker's process is known to be gone (a local pid). Stored (what it held is queued again).
struct ConnectionLost {
  SessionId session;
  std::string reason;
};

// Time passed. At least so often, so that leases end on time. Stored only when one did.
inline constexpr DurationMs kTickMaxMs = 250;
struct Tick {};

// End the run: `drain` lets running trials finish, else they are checkpointed and handed back.
// Not stored: the same command goes on later.
struct StopRequested {
  bool drain = false;
  std::string reason;
};

// A trial is not worth going on with (early stopping). Stored.
struct StopTrial {
  TrialId trial;
  std::string reason;
};

}  // namespace event

using Event =
    std::variant<event::Restored, event::TrialsSubmitted, event::Hello, event::Heartbeat,
                 event::Report, event::CheckpointStored, event::Goodbye, event::ConnectionLost,
                 event::Tick, event::StopRequested, event::StopTrial>;

}  // namespace plateau
