// What the store kept becomes the state to go on from.
#include "common/base/check.h"
#include "coordinator/scheduler/step.h"

namespace plateau {
namespace {

TimeMs to_monotonic(TimeMs wall_ms, DurationMs offset_ms) {
  return wall_ms == 0 ? kNever : wall_ms + offset_ms;
}

AttemptStory story_of(const PastAttempt& past, DurationMs offset_ms) {
  AttemptStory story;
  story.attempt = past.attempt;
  story.session = past.session;
  story.node = past.node;
  story.slot = past.slot;
  story.queued_ms = to_monotonic(past.queued_wall_ms, offset_ms);
  story.assigned_ms = to_monotonic(past.assigned_wall_ms, offset_ms);
  story.started_ms = to_monotonic(past.started_wall_ms, offset_ms);
  story.ended_ms = to_monotonic(past.ended_wall_ms, offset_ms);
  story.end = past.end;
  story.charged = past.charged;
  story.message = past.message;
  return story;
}

}  // namespace

void Step::operator()(const event::Restored& event) {
  PLATEAU_CHECK(state_.trials.empty() && state_.workers.empty(),
                "the state is restored once, at the start");
  for (const RestoredSession& session : event.sessions) {
    state_.sessions[session.session] = {session.worker_name, session.host, session.pid,
                                        session.acked_sequence};
  }
  state_.more_expected = event.more_expected;
  for (const SetAsideNode& node : event.set_aside)
    state_.nodes[node.node].set_aside = node.reason;
  for (const RestoredTrial& trial : event.trials)
    restore_trial(trial, now_ms_ - event.wall_ms);
}

void Step::restore_trial(const RestoredTrial& trial, DurationMs wall_to_monotonic_ms) {
  TrialEntry entry;
  entry.facts = trial.facts;
  entry.retry = trial.retry;
  entry.resume = trial.resume;
  for (const PastAttempt& past : trial.attempts) {
    entry.attempts.push_back(story_of(past, wall_to_monotonic_ms));
    PLATEAU_CHECK(past.attempt.value == static_cast<std::int64_t>(entry.attempts.size()),
                  "attempts are numbered from 1 without gaps");
  }
  entry.phase = restored_phase(trial, entry);
  const auto [position, added] = state_.trials.emplace(trial.facts.id, std::move(entry));
  PLATEAU_CHECK(added, "the store holds each trial once");
  enter(position->second);
}

TrialPhase Step::restored_phase(const RestoredTrial& trial, const TrialEntry& entry) {
  switch (trial.status) {
    case TrialStatus::kQueued: {
      const bool was_lost =
          !entry.attempts.empty() && entry.attempts.back().end == AttemptEnd::kWorkerLost;
      return phase::Queued{now_ms_,
                           was_lost ? std::optional(entry.attempts.back().session) : std::nullopt};
    }
    case TrialStatus::kAssigned:
    case TrialStatus::kRunning:
      return restored_attempt(trial.status, entry);
    case TrialStatus::kFinished:
      return phase::Finished{};
    case TrialStatus::kDiverged:
      return phase::Diverged{};
    case TrialStatus::kFailed:
      return phase::Failed{trial.reason};
    case TrialStatus::kStopped:
      break;
  }
  return phase::Stopped{trial.reason};
}

// Its worker has one lease to come back. Whether the assignment ever left is not known, so one that
// did not start may be sent again: the worker ignores what it has.
TrialPhase Step::restored_attempt(TrialStatus status, const TrialEntry& entry) {
  PLATEAU_CHECK(!entry.attempts.empty() && !entry.attempts.back().end,
                "a trial that runs has an open attempt");
  const AttemptStory& last = entry.attempts.back();
  WorkerEntry& worker = state_.workers[last.session];
  worker.name = last.node;
  worker.heard_ms = now_ms_;
  SlotEntry& slot = worker.slots[last.slot];
  slot.facts.index = last.slot;
  slot.facts.pack_limit = 0;
  slot.loaded_group = entry.facts.group;
  if (status == TrialStatus::kAssigned) {
    return phase::Assigned{last.session, last.slot, last.assigned_ms, now_ms_,
                           ++state_.assignments};
  }
  return phase::Running{
      last.session, last.slot, last.started_ms, now_ms_, ++state_.assignments, 0, 0, 0.0};
}

}  // namespace plateau
