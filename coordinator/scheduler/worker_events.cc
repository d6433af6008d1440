// Who is there: Hello, heartbeats, leases, goodbyes; and what becomes of what a lost worker held.
#include <algorithm>

#include "coordinator/scheduler/step.h"

namespace plateau {
namespace {

constexpr DurationMs kDeafMs = 4 * event::kTickMaxMs;

std::string trials_text(std::size_t count) {
  return count == 1 ? "its trial is queued again"
                    : "its " + std::to_string(count) + " trials are queued again";
}

bool contains(const std::vector<AttemptRef>& list, const AttemptRef& ref) {
  return std::find(list.begin(), list.end(), ref) != list.end();
}

std::vector<TrialId> trials_of(const WorkerEntry& worker) {
  std::vector<TrialId> trials;
  for (const auto& [index, slot] : worker.slots) {
    trials.insert(trials.end(), slot.trials.begin(), slot.trials.end());
  }
  return trials;
}

TimeMs& heard_at(TrialEntry& entry) {
  if (auto* assigned = std::get_if<phase::Assigned>(&entry.phase)) return assigned->heard_ms;
  return std::get<phase::Running>(entry.phase).heard_ms;
}

}  // namespace

WorkerEntry* Step::introduced(SessionId session) {
  const auto found = state_.workers.find(session);
  if (found == state_.workers.end() || !found->second.introduced) return nullptr;
  return &found->second;
}

void Step::refuse_unknown(SessionId session) {
  say(action::Refuse{session, action::Refuse::Reason::kUnknownSession,
                     "this coordinator does not know the session; say hello again"});
}

void Step::record_session(SessionId session) {
  const SessionMemory& memory = state_.sessions.at(session);
  commit(
      record::Session{session, memory.worker_name, memory.host, memory.pid, memory.acked_sequence});
}

void Step::operator()(const event::Hello& event) {
  const bool is_known = state_.workers.contains(event.session);
  if ((state_.stopping || state_.ended) && !is_known && event.held.empty()) {
    const bool complete = counts_.ended() == counts_.total();
    if (state_.stopping || complete) {
      say(action::Refuse{
          event.session, action::Refuse::Reason::kNoMoreWork,
          complete ? "every trial of the sweep has ended" : "the run is being stopped"});
      return;
    }
  }
  const bool is_new_process = introduce(event);
  action::Welcome welcome{event.session, options_.lease_ms, keep_of(event), 0, event.number};
  if (is_new_process) {
    lose_what_died_with_the_old_process(event);
    introduced(event.session)->came_at_serial = state_.assignments;
  }
  welcome.acked_sequence = state_.sessions.at(event.session).acked_sequence;
  record_session(event.session);
  say(std::move(welcome));
  assign_again_what_did_not_arrive(event.session, event.held, /*patience_ms=*/0);
  if (state_.stopping) {
    say(action::StopWorker{event.session, state_.stopping->reason, state_.stopping->drain});
  } else if (counts_.total() > 0 && counts_.ended() == counts_.total() && !state_.more_expected) {
    // It comes to deliver reports only: welcome, and go.
    say(action::StopWorker{event.session, "every trial of the sweep has ended", true});
  } else {
    state_.ended = false;  // a stalled run may go on with this worker
  }
}

// A session may go on in a new process, which found results of the old one on its disk.
bool Step::introduce(const event::Hello& hello) {
  SessionMemory& memory = state_.sessions[hello.session];
  const bool is_new_process = memory.pid != hello.pid;
  memory.worker_name = hello.worker_name;
  memory.host = hello.host;
  memory.pid = hello.pid;
  memory.acked_sequence =
      std::max(memory.acked_sequence,
               hello.first_sequence > 0 ? hello.first_sequence - 1 : std::uint64_t{0});

  WorkerEntry& worker = state_.workers[hello.session];
  const bool is_new_to_us = !worker.introduced || is_new_process;
  worker.heard_ms = now_ms_;
  if (is_new_to_us) {
    note(std::nullopt, "worker " + hello.worker_name + " (" + hello.host + ", pid " +
                           std::to_string(hello.pid) + ") came with " +
                           std::to_string(hello.slots.size()) + " slots and " +
                           std::to_string(hello.held.size()) + " trials");
    worker.name = hello.worker_name;
    worker.host = hello.host;
    worker.pid = hello.pid;
    worker.introduced = true;
    worker.draining_until_ms = kNever;
    for (const SlotFacts& facts : hello.slots) {
      SlotEntry& slot = worker.slots[facts.index];
      slot.facts = facts;
      slot.facts.pack_limit = std::max<std::int64_t>(1, facts.pack_limit);
      slot.pack_limit_now = slot.facts.pack_limit;
    }
    if (is_new_process) clear_node_faults(hello.worker_name);
  }
  return is_new_to_us;
}

// Trainers die with their agent: what the new process does not hold is nobody's. What was assigned
// and not begun is sent again.
void Step::lose_what_died_with_the_old_process(const event::Hello& hello) {
  for (const TrialId id : trials_of(state_.workers.at(hello.session))) {
    TrialEntry& entry = state_.trials.at(id);
    if (!std::holds_alternative<phase::Running>(entry.phase)) continue;
    if (contains(hello.held, current_attempt(entry))) continue;
    lose_attempt(entry, "worker " + hello.worker_name + " came back without the trial");
  }
}

void Step::lose_attempt(TrialEntry& entry, const std::string& why) {
  note(entry.facts.id, why + "; it is queued again");
  end_attempt(entry, AttemptEnd::kWorkerLost, /*charged=*/false, why);
  queue_again(entry, entry.retry);
}

std::vector<AttemptRef> Step::keep_of(const event::Hello& hello) {
  std::vector<AttemptRef> keep;
  for (const AttemptRef& ref : hello.held) {
    TrialEntry* entry = find(ref.trial);
    if (entry == nullptr || entry->attempts.empty() || current_attempt(*entry) != ref) continue;
    const auto place = place_of(entry->phase);
    const bool is_its_own = place && place->session == hello.session;
    if (!is_its_own && !revive(*entry, hello.session)) continue;
    heard_at(*entry) = now_ms_;
    keep.push_back(ref);
  }
  return keep;
}

// A worker that was taken for lost comes back before anybody else got the trial: nothing was
// doubled, so its work need not be lost.
bool Step::revive(TrialEntry& entry, SessionId session) {
  const auto* queued = std::get_if<phase::Queued>(&entry.phase);
  if (queued == nullptr || queued->lost_with != session || state_.stopping) return false;
  AttemptStory& story = entry.attempts.back();
  WorkerEntry& worker = state_.workers.at(session);
  const auto slot = worker.slots.find(story.slot);
  if (slot == worker.slots.end() || !may_join(state_, slot->second, bucket_of(entry))) return false;

  story.ended_ms = kNever;
  story.end = std::nullopt;
  story.message.clear();
  commit(record::AttemptRevived{current_attempt(entry), session});
  slot->second.loaded_group = entry.facts.group;
  RetryPolicy retry = entry.retry;
  retry.avoid_node.clear();
  const TimeMs since_ms = story.started_ms == kNever ? now_ms_ : story.started_ms;
  move(entry,
       phase::Running{session, story.slot, since_ms, now_ms_, ++state_.assignments, 0, 0, 0.0},
       retry);
  note(entry.facts.id, "worker " + worker.name + " came back with the trial; it goes on there");
  return true;
}

void Step::assign_again_what_did_not_arrive(SessionId session, const std::vector<AttemptRef>& held,
                                            DurationMs patience_ms) {
  for (const TrialId id : trials_of(state_.workers.at(session))) {
    TrialEntry& entry = state_.trials.at(id);
    auto* assigned = std::get_if<phase::Assigned>(&entry.phase);
    if (assigned == nullptr || contains(held, current_attempt(entry))) continue;
    if (now_ms_ - assigned->heard_ms < patience_ms) continue;
    assigned->heard_ms = now_ms_;
    send_assign(entry, session, assigned->slot);
  }
}

// The safety net below the protocol: whatever went wrong, a trial that its worker does not list for
// a whole lease is nobody's.
void Step::lose_what_is_not_listed(SessionId session) {
  WorkerEntry& worker = state_.workers.at(session);
  for (const TrialId id : trials_of(worker)) {
    TrialEntry& entry = state_.trials.at(id);
    const auto* running = std::get_if<phase::Running>(&entry.phase);
    if (running == nullptr || now_ms_ - running->heard_ms <= options_.lease_ms) continue;
    const std::string why = "worker " + worker.name + " no longer holds the trial";
    say(action::Cancel{session, current_attempt(entry), why});
    lose_attempt(entry, why);
  }
}

void Step::operator()(const event::Heartbeat& event) {
  WorkerEntry* worker = introduced(event.session);
  if (worker == nullptr) return refuse_unknown(event.session);
  worker->heard_ms = now_ms_;
  for (const AttemptRef& ref : event.running) {
    TrialEntry* entry = find(ref.trial);
    if (entry != nullptr && !entry->attempts.empty() && current_attempt(*entry) == ref) {
      const auto place = place_of(entry->phase);
      if (place && place->session == event.session) {
        heard_at(*entry) = now_ms_;
        continue;
      }
      // Its last report came from here; the acknowledgement is on its way.
      const auto end = entry->attempts.back().end;
      if (end != AttemptEnd::kWorkerLost && end != AttemptEnd::kStopped) continue;
    }
    say(action::Cancel{event.session, ref, "the attempt is not current any more"});
  }
  assign_again_what_did_not_arrive(event.session, event.running, options_.assign_retry_ms);
  lose_what_is_not_listed(event.session);
  say(action::HeartbeatReply{event.session, options_.lease_ms});
}

void Step::operator()(const event::Goodbye& event) {
  if (!state_.workers.contains(event.session)) return;
  lose_worker(event.session, AttemptEnd::kHandedBack, "said goodbye (" + event.reason + ")");
}

void Step::operator()(const event::ConnectionLost& event) {
  if (!state_.workers.contains(event.session)) return;
  lose_worker(event.session, AttemptEnd::kWorkerLost, "is gone (" + event.reason + ")");
}

// Between two Ticks that are far apart (a disk that took its time, a process that was stopped) it
// was we who heard nothing: that is no worker's silence.
void Step::allow_for_deafness() {
  const DurationMs deaf_ms = now_ms_ - state_.ticked_ms.value_or(now_ms_);
  state_.ticked_ms = now_ms_;
  if (deaf_ms < kDeafMs) return;
  for (auto& [session, worker] : state_.workers)
    worker.heard_ms = std::min(now_ms_, worker.heard_ms + deaf_ms);
}

// The lease is a promise: at the next Tick it could be over.
void Step::operator()(const event::Tick&) {
  allow_for_deafness();
  std::vector<SessionId> silent;
  for (const auto& [session, worker] : state_.workers) {
    const DurationMs silence_ms = now_ms_ - worker.heard_ms;
    if (silence_ms + event::kTickMaxMs >= options_.lease_ms) silent.push_back(session);
  }
  for (const SessionId session : silent) {
    lose_worker(session, AttemptEnd::kWorkerLost,
                "was silent for " + format_duration(options_.lease_ms));
  }
}

void Step::lose_worker(SessionId session, AttemptEnd end, const std::string& why) {
  const WorkerEntry& worker = state_.workers.at(session);
  const std::string name = worker.name;
  const std::vector<TrialId> trials = trials_of(worker);
  for (const TrialId id : trials) {
    TrialEntry& entry = state_.trials.at(id);
    RetryPolicy retry = entry.retry;
    retry.avoid_node = name;
    end_attempt(entry, end, /*charged=*/false, "worker " + name + " " + why);
    // Only silence can turn out to have been a mistake.
    const bool may_come_back = end == AttemptEnd::kWorkerLost;
    move(entry, phase::Queued{now_ms_, may_come_back ? std::optional(session) : std::nullopt},
         retry);
  }
  note(std::nullopt,
       "worker " + name + " " + why + (trials.empty() ? "" : "; " + trials_text(trials.size())));
  state_.workers.erase(session);
}

}  // namespace plateau
