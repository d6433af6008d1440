// What the scheduler knows: plain data, owned by one Scheduler, changed by nobody else. Ordered
// containers only, so that the same events give the same actions everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/scheduler/events.h"

namespace plateau {

// ---- a trial's phase: fields only where they mean something ------------------------------------

namespace phase {

struct Queued {
  TimeMs since_ms = 0;
  // The last attempt was taken for lost with its worker; if that worker comes back before anybody
  // else gets the trial, the attempt goes on.
  std::optional<SessionId> lost_with;
};

// Sent to a worker, which has not said that it began.
struct Assigned {
  SessionId session;
  SlotIndex slot;
  TimeMs since_ms = 0;
  TimeMs heard_ms = 0;      // when it was sent last, or listed by a heartbeat
  std::int64_t serial = 0;  // counts all assignments: which came before which
};

struct Running {
  SessionId session;
  SlotIndex slot;
  TimeMs since_ms = 0;
  TimeMs heard_ms = 0;  // last report or heartbeat that names the attempt
  std::int64_t serial = 0;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
  double tokens_per_s = 0.0;
};

struct Finished {};
struct Diverged {};
struct Failed {
  std::string reason;
};
struct Stopped {
  std::string reason;
};

}  // namespace phase

using TrialPhase = std::variant<phase::Queued, phase::Assigned, phase::Running, phase::Finished,
                                phase::Diverged, phase::Failed, phase::Stopped>;

// An attempt as the story tells it. Monotonic times; kNever where it did not happen.
inline constexpr TimeMs kNever = INT64_MIN;
struct AttemptStory {
  AttemptNumber attempt;
  SessionId session;
  std::string node;
  SlotIndex slot;
  TimeMs queued_ms = kNever;
  TimeMs assigned_ms = kNever;
  TimeMs started_ms = kNever;
  TimeMs ended_ms = kNever;
  std::optional<AttemptEnd> end;
  bool charged = false;
  std::string message;
};

struct TrialEntry {
  TrialFacts facts;
  TrialPhase phase;
  RetryPolicy retry;
  std::vector<AttemptStory> attempts;         // attempt n is attempts[n - 1]
  std::shared_ptr<const ResumePoint> resume;  // few have one; it is as large as half of the rest
};

// ---- workers ------------------------------------------------------------------------------------

struct SlotEntry {
  SlotFacts facts;                  // pack_limit 0: known from the store, no Hello yet
  std::set<TrialId> trials;         // Assigned or Running here
  std::string loaded_group;         // of the last trial put here; empty: none yet
  std::int64_t pack_limit_now = 1;  // halved where the loaded group ran out of memory
};

// A session that is in touch.
struct WorkerEntry {
  std::string name;  // the node, for setting aside and avoiding
  std::string host;
  std::int64_t pid = 0;
  TimeMs heard_ms = 0;
  // It handed a trial back, so it is about to end and gets no new ones; should it still be here
  // then, it was not.
  TimeMs draining_until_ms = kNever;
  // Assignments up to this one were there before this process said its first Hello: one of these
  // handed back says that the process is new, not that it is about to end.
  std::int64_t came_at_serial = 0;
  bool introduced = false;  // false: known from the store, has not said Hello in this life
  std::map<SlotIndex, SlotEntry> slots;
};

// What outlives a session's absence.
struct SessionMemory {
  std::string worker_name;
  std::string host;
  std::int64_t pid = 0;
  std::uint64_t acked_sequence = 0;
};

struct NodeEntry {
  std::int64_t faults_in_a_row = 0;
  std::int64_t fault_serial = 0;  // assignments up to this one belong to the fault that was counted
  std::optional<std::string> set_aside;  // why
};

// ---- the queue ----------------------------------------------------------------------------------

// Queued trials that are alike for placement are one bucket; in it they are ordered.
struct BucketKey {
  std::string group;
  bool alone = false;
  std::int64_t pack_cap = 0;
  std::string avoid_node;
  friend auto operator<=>(const BucketKey&, const BucketKey&) = default;
};

struct QueueKey {
  std::int64_t round = 0;
  DurationMs minus_expected_ms = 0;  // the longest first
  TrialId trial;
  friend constexpr auto operator<=>(const QueueKey&, const QueueKey&) = default;
};

struct StopState {
  bool drain = false;
  std::string reason;
};

struct SchedulerState {
  std::map<TrialId, TrialEntry> trials;
  std::map<SessionId, WorkerEntry> workers;
  std::map<SessionId, SessionMemory> sessions;
  std::map<std::string, NodeEntry> nodes;
  std::map<BucketKey, std::set<QueueKey>> queue;
  std::int64_t assignments = 0;     // serial of the newest
  std::optional<TimeMs> ticked_ms;  // the last Tick
  std::optional<StopState> stopping;
  bool ended = false;          // RunEnded was said for what there is now
  bool more_expected = false;  // trials will be submitted: all ended is not the end
};

struct SlotPlace {
  SessionId session;
  SlotIndex slot;
};

// The newest attempt; it is current while the trial is Assigned or Running.
AttemptRef current_attempt(const TrialEntry& entry);
TrialStatus status_of(const TrialPhase& phase);
// True for the phases that nothing follows.
bool has_ended(const TrialPhase& phase);
// Of Assigned and Running.
std::optional<SlotPlace> place_of(const TrialPhase& phase);

// Of Assigned and Running; 0 otherwise.
std::int64_t assignment_serial(const TrialPhase& phase);

BucketKey bucket_of(const TrialEntry& entry);
QueueKey queue_key_of(const TrialEntry& entry);
bool must_be_alone(const TrialEntry& entry);
// Whether a trial of this bucket may be put into the slot as it is: its group, its pack limit, and
// who must be alone.
bool may_join(const SchedulerState& state, const SlotEntry& slot, const BucketKey& who);

}  // namespace plateau
