// How a trial changes its phase: counts, queue, slots and records follow here and nowhere else.
#include "coordinator/scheduler/step.h"

#include "common/base/check.h"

namespace plateau {

void Step::settle() {
  if (!state_.stopping) {
    // First everywhere but where a trial was lost last, then there too: "elsewhere, if there is an
    // elsewhere" without leaving a place empty.
    fill_free_places(/*avoid=*/true);
    fill_free_places(/*avoid=*/false);
  }
  end_run_if_done();
}

void Step::operator()(const event::TrialsSubmitted& event) {
  for (const TrialFacts& facts : event.trials)
    add_trial(facts);
  state_.more_expected = event.more_expected;
  if (!event.trials.empty()) state_.ended = false;
}

void Step::operator()(const event::StopRequested& event) {
  state_.stopping = StopState{event.drain, event.reason};
  // A stalled run, which was said to have ended, now ends for good.
  if (counts_.ended() < counts_.total()) state_.ended = false;
  for (const auto& [session, worker] : state_.workers) {
    if (worker.introduced) say(action::StopWorker{session, event.reason, event.drain});
  }
}

void Step::operator()(const event::StopTrial& event) {
  TrialEntry* entry = find(event.trial);
  if (entry == nullptr || has_ended(entry->phase)) return;
  if (const auto place = place_of(entry->phase)) {
    say(action::Cancel{place->session, current_attempt(*entry), event.reason});
    end_attempt(*entry, AttemptEnd::kStopped, /*charged=*/false, event.reason);
  }
  move(*entry, phase::Stopped{event.reason}, entry->retry);
}

void Step::add_trial(const TrialFacts& facts) {
  TrialEntry entry;
  entry.facts = facts;
  entry.phase = phase::Queued{now_ms_, std::nullopt};
  const auto [position, added] = state_.trials.emplace(facts.id, std::move(entry));
  PLATEAU_CHECK(added, "a trial was submitted twice");
  enter(position->second);
}

void Step::move(TrialEntry& entry, TrialPhase next, const RetryPolicy& retry) {
  PLATEAU_CHECK(!has_ended(entry.phase), "a trial that has ended does not change");
  leave(entry);
  entry.phase = std::move(next);
  entry.retry = retry;
  enter(entry);

  std::string reason;
  if (const auto* failed = std::get_if<phase::Failed>(&entry.phase)) reason = failed->reason;
  if (const auto* stopped = std::get_if<phase::Stopped>(&entry.phase)) reason = stopped->reason;
  commit(record::TrialChanged{entry.facts.id, status_of(entry.phase), std::move(reason), retry});
}

// The old retry policy is still in place: it is part of the queue's key.
void Step::leave(const TrialEntry& entry) {
  --count_of(status_of(entry.phase));
  if (std::holds_alternative<phase::Queued>(entry.phase)) {
    const auto bucket = state_.queue.find(bucket_of(entry));
    PLATEAU_CHECK(bucket != state_.queue.end(), "a queued trial has a bucket");
    bucket->second.erase(queue_key_of(entry));
    if (bucket->second.empty()) state_.queue.erase(bucket);
  } else if (const auto place = place_of(entry.phase)) {
    slot_at(*place).trials.erase(entry.facts.id);
  }
}

void Step::enter(const TrialEntry& entry) {
  ++count_of(status_of(entry.phase));
  if (std::holds_alternative<phase::Queued>(entry.phase)) {
    state_.queue[bucket_of(entry)].insert(queue_key_of(entry));
  } else if (const auto place = place_of(entry.phase)) {
    slot_at(*place).trials.insert(entry.facts.id);
  }
}

std::int64_t& Step::count_of(TrialStatus status) {
  switch (status) {
    case TrialStatus::kQueued:
      return counts_.queued;
    case TrialStatus::kAssigned:
      return counts_.assigned;
    case TrialStatus::kRunning:
      return counts_.running;
    case TrialStatus::kFinished:
      return counts_.finished;
    case TrialStatus::kDiverged:
      return counts_.diverged;
    case TrialStatus::kFailed:
      return counts_.failed;
    case TrialStatus::kStopped:
      break;
  }
  return counts_.stopped;
}

void Step::end_attempt(TrialEntry& entry, AttemptEnd end, bool charged,
                       const std::string& message) {
  AttemptStory& story = entry.attempts.back();
  story.ended_ms = now_ms_;
  story.end = end;
  story.charged = charged;
  story.message = message;
  commit(record::AttemptEnded{current_attempt(entry), end, charged, message});
}

void Step::queue_again(TrialEntry& entry, const RetryPolicy& retry) {
  move(entry, phase::Queued{now_ms_, std::nullopt}, retry);
}

SlotEntry& Step::slot_at(const SlotPlace& place) {
  const auto worker = state_.workers.find(place.session);
  PLATEAU_CHECK(worker != state_.workers.end(), "a trial is placed with a worker in touch");
  const auto slot = worker->second.slots.find(place.slot);
  PLATEAU_CHECK(slot != worker->second.slots.end(), "a trial is placed in a slot of its worker");
  return slot->second;
}

TrialEntry* Step::find(TrialId trial) {
  const auto found = state_.trials.find(trial);
  return found == state_.trials.end() ? nullptr : &found->second;
}

}  // namespace plateau
