// What the scheduler wants done, in order. Plain values.
//
// The rule of the loop: commit every Commit of a group of events in one transaction
// (Store::commit), then carry out the other actions, in order. When the commit fails, nothing of
// the group is said: try the same records again, or end; workers repeat what was not acked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/scheduler/events.h"

namespace plateau {

// ---- what must be durable before anybody hears of it -------------------------------------------

namespace record {

// A session is known, or its reports up to acked_sequence are part of this batch.
struct Session {
  SessionId session;
  std::string worker_name;
  std::string host;
  std::int64_t pid = 0;
  std::uint64_t acked_sequence = 0;
};

// A trial changed its state, or what its failures mean for the next attempt.
struct TrialChanged {
  TrialId trial;
  TrialStatus status = TrialStatus::kQueued;
  std::string reason;  // of failed and stopped, else empty
  RetryPolicy retry;
};

// An attempt begins to exist. Its number is the trial's highest so far plus one.
struct AttemptAssigned {
  AttemptRef attempt;
  SessionId session;
  std::string node;
  SlotIndex slot;
  DurationMs waited_ms = 0;  // in the queue
  bool alone = false;
  std::int64_t micro_batch_size = 0;
};

struct AttemptStarted {
  AttemptRef attempt;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
};

struct AttemptEnded {
  AttemptRef attempt;
  AttemptEnd end = AttemptEnd::kFinished;
  bool charged = false;
  std::string message;
};

// An attempt that was taken for lost goes on: its worker came back before anybody else got it.
struct AttemptRevived {
  AttemptRef attempt;
  SessionId session;
};

struct Metric {
  AttemptRef attempt;
  report::Metric metric;
};

struct Checkpoint {
  TrialId trial;
  ResumePoint resume;
};

// The one accepted result of a trial.
struct Result {
  AttemptRef attempt;
  std::string result_json;
  std::vector<ArtifactFacts> artifacts;
};

// An empty reason: it gets work again, since a new worker process came from it.
struct NodeSetAside {
  std::string node;
  std::string reason;
};

// A sentence for the log and for `plateau why`. The loop logs it as well.
struct Note {
  std::optional<TrialId> trial;
  std::string text;
};

}  // namespace record

using Record = std::variant<record::Session, record::TrialChanged, record::AttemptAssigned,
                            record::AttemptStarted, record::AttemptEnded, record::AttemptRevived,
                            record::Metric, record::Checkpoint, record::Result,
                            record::NodeSetAside, record::Note>;

// ---- what is said and done after the commit ----------------------------------------------------

namespace action {

// Make this durable before anything else of the group is carried out.
struct Commit {
  Record record;
};

// Answer to Hello: go on with `keep`, stop everything else that you hold.
struct Welcome {
  SessionId session;
  DurationMs lease_ms = 0;
  std::vector<AttemptRef> keep;
  std::uint64_t acked_sequence = 0;
  std::uint64_t hello_number = 0;
};

struct Refuse {
  enum class Reason { kUnknownSession, kNoMoreWork };
  SessionId session;
  Reason reason = Reason::kUnknownSession;
  std::string message;
};

// Start one attempt (or join it to the slot's running pack). May be sent again while the worker
// does not list the attempt in its heartbeats; a worker ignores an attempt that it has.
struct Assign {
  SessionId session;
  AttemptRef attempt;
  SlotIndex slot;
  bool alone = false;
  std::int64_t micro_batch_size = 0;  // to be set in the trial's JSON; 0: leave it
  std::optional<ResumePoint> resume;  // nullopt: from the start
};

struct Cancel {
  SessionId session;
  AttemptRef attempt;
  std::string reason;
};

// Reports of the session up to this one are committed. Of several in a group the last is enough.
struct Ack {
  SessionId session;
  std::uint64_t sequence = 0;
};

struct HeartbeatReply {
  SessionId session;
  DurationMs lease_ms = 0;
};

struct StopWorker {
  SessionId session;
  std::string reason;
  bool drain = false;
};

// Nothing is left to do here; said once.
struct RunEnded {
  enum class How {
    kComplete,  // every trial has ended; workers were told to stop
    kStopped,   // as asked for; nothing runs any more, the rest is queued for the next run
    kStalled,   // trials are left, but every worker is set aside; another worker may still come,
                // after which it can be said again
  };
  How how = How::kComplete;
  std::string message;
};

}  // namespace action

using Action =
    std::variant<action::Commit, action::Welcome, action::Refuse, action::Assign, action::Cancel,
                 action::Ack, action::HeartbeatReply, action::StopWorker, action::RunEnded>;

}  // namespace plateau
