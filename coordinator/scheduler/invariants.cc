#include "coordinator/scheduler/invariants.h"

namespace plateau {
namespace {

using Broken = std::optional<std::string>;

std::string name(TrialId id) {
  return "trial " + std::to_string(id.value);
}

Broken check_counts(const Scheduler& scheduler) {
  Counts seen;
  for (const auto& [id, entry] : scheduler.state().trials) {
    std::int64_t* const each[] = {&seen.queued,   &seen.assigned, &seen.running, &seen.finished,
                                  &seen.diverged, &seen.failed,   &seen.stopped};
    ++*each[static_cast<std::size_t>(status_of(entry.phase))];
  }
  if (seen == scheduler.counts()) return std::nullopt;
  return "the counts differ from the trials";
}

Broken check_queue(const SchedulerState& state) {
  std::size_t queued = 0;
  for (const auto& [id, entry] : state.trials) {
    if (!std::holds_alternative<phase::Queued>(entry.phase)) continue;
    ++queued;
    const auto bucket = state.queue.find(bucket_of(entry));
    if (bucket == state.queue.end() || !bucket->second.contains(queue_key_of(entry))) {
      return name(id) + " is queued, but not in the queue";
    }
  }
  std::size_t in_buckets = 0;
  for (const auto& [bucket, trials] : state.queue) {
    if (trials.empty()) return "an empty bucket is left in the queue";
    in_buckets += trials.size();
  }
  if (in_buckets != queued) return "the queue holds trials that are not queued";
  return std::nullopt;
}

Broken check_slot(const SchedulerState& state, SessionId session, SlotIndex index,
                  const SlotEntry& slot) {
  const bool is_known = slot.facts.pack_limit > 0;
  if (is_known && static_cast<std::int64_t>(slot.trials.size()) > slot.facts.pack_limit) {
    return "slot " + std::to_string(index.value) + " holds more than its pack limit";
  }
  const TrialEntry* first = nullptr;
  for (const TrialId id : slot.trials) {
    const auto found = state.trials.find(id);
    if (found == state.trials.end()) return name(id) + " is in a slot and unknown";
    const auto place = place_of(found->second.phase);
    if (!place || place->session != session || place->slot != index) {
      return name(id) + " is in a slot that it does not name";
    }
    if (slot.trials.size() > 1 && must_be_alone(found->second)) {
      return name(id) + " must be alone and is not";
    }
    if (first == nullptr) first = &found->second;
    if (first->facts.group != found->second.facts.group) {
      return name(id) + " shares a slot with a trial of another group";
    }
  }
  return std::nullopt;
}

Broken check_slots(const Scheduler& scheduler) {
  const SchedulerState& state = scheduler.state();
  std::size_t placed = 0;
  for (const auto& [session, worker] : state.workers) {
    for (const auto& [index, slot] : worker.slots) {
      if (Broken broken = check_slot(state, session, index, slot)) return broken;
      placed += slot.trials.size();
    }
  }
  // Each trial names one place, so equal numbers mean that no slot holds a trial that is elsewhere.
  const Counts& counts = scheduler.counts();
  if (placed != static_cast<std::size_t>(counts.assigned + counts.running)) {
    return "trials that run are missing from the slots";
  }
  return std::nullopt;
}

Broken check_attempts(const TrialEntry& entry) {
  const std::string who = name(entry.facts.id);
  for (std::size_t i = 0; i < entry.attempts.size(); ++i) {
    if (entry.attempts[i].attempt.value != static_cast<std::int64_t>(i) + 1) {
      return who + " has attempts that do not count from 1";
    }
    const bool is_last = i + 1 == entry.attempts.size();
    if (!is_last && !entry.attempts[i].end) return who + " has an old attempt that is open";
  }
  const bool is_open = !entry.attempts.empty() && !entry.attempts.back().end;
  if (is_open != place_of(entry.phase).has_value()) {
    return who + (is_open ? " has an open attempt and does not run" : " runs without an attempt");
  }
  const bool has_result = std::holds_alternative<phase::Finished>(entry.phase);
  std::int64_t results = 0;
  for (const AttemptStory& story : entry.attempts) {
    if (story.end == AttemptEnd::kFinished) ++results;
  }
  if (results != (has_result ? 1 : 0)) {
    return who + " has " + std::to_string(results) + " accepted results";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_invariant(const Scheduler& scheduler) {
  if (Broken broken = check_counts(scheduler)) return broken;
  if (Broken broken = check_queue(scheduler.state())) return broken;
  if (Broken broken = check_slots(scheduler)) return broken;
  for (const auto& [id, entry] : scheduler.state().trials) {
    if (Broken broken = check_attempts(entry)) return broken;
  }
  return std::nullopt;
}

std::optional<std::string> HistoryChecker::check(const Scheduler& scheduler) {
  const SchedulerState& state = scheduler.state();
  for (const auto& [id, before] : trials_) {
    const TrialEntry* now = scheduler.find(id);
    if (now == nullptr) return name(id) + " has disappeared";
    if (now->attempts.size() < before.attempts) return name(id) + " has lost an attempt";
    if (now->retry.charged < before.charged) return name(id) + " has lost a charge";
    const bool had_ended = before.status >= TrialStatus::kFinished;
    if (had_ended && status_of(now->phase) != before.status) {
      return name(id) + " had ended and has changed";
    }
    if (had_ended && now->attempts.size() != before.attempts) {
      return name(id) + " had ended and was run again";
    }
  }
  for (const auto& [session, acked] : acked_) {
    const auto now = state.sessions.find(session);
    if (now == state.sessions.end() || now->second.acked_sequence < acked) {
      return "an acknowledged report of session " + std::to_string(session.value) + " is forgotten";
    }
  }
  for (const auto& [id, entry] : state.trials) {
    trials_[id] = {entry.attempts.size(), entry.retry.charged, status_of(entry.phase)};
  }
  for (const auto& [session, memory] : state.sessions)
    acked_[session] = memory.acked_sequence;
  return std::nullopt;
}

}  // namespace plateau
