// What the store kept becomes the state to go on from.
#include "common/base/check.h"
#include "coordinator/scheduler/step.h"

namespace plateau {
namespace {

TimeMs to_monotonic(TimeMs wall_ms, DurationMs offset_ms) {
  return wall_ms == 0 ? kNever : wall_ms + offset_ms;
}

}  // namespace

void Step::operator()(const event::Restored& event) {
  PLATEAU_CHECK(state_.trials.empty() && state_.workers.empty(),
                "the state is restored once, at the start");
  for (const RestoredSession& session : event.sessions) {
    state_.sessions[session.session] = {session.worker_name, session.host, session.pid,
                                        session.acked_sequence};
  }
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
    AttemptStory story;
    story.attempt = past.attempt;
    story.session = past.session;
    story.node = past.node;
    story.slot = past.slot;
    story.queued_ms = to_monotonic(past.queued_wall_ms, wall_to_monotonic_ms);
    story.assigned_ms = to_monotonic(past.assigned_wall_ms, wall_to_monotonic_ms);
    story.started_ms = to_monotonic(past.started_wall_ms, wall_to_monotonic_ms);
    story.ended_ms = to_monotonic(past.ended_wall_ms, wall_to_monotonic_ms);
    story.end = past.end;
    story.charged = past.charged;
    story.message = past.message;
    entry.attempts.push_back(std::move(story));
    PLATEAU_CHECK(past.attempt.value == static_cast<std::int64_t>(entry.attempts.size()),
                  "attempts are numbered from 1 without gaps");
  }
  const AttemptStory* last = entry.attempts.empty() ? nullptr : &entry.attempts.back();
  switch (trial.status) {
    case TrialStatus::kQueued: {
      const bool was_lost = last != nullptr && last->end == AttemptEnd::kWorkerLost;
      entry.phase = phase::Queued{now_ms_, was_lost ? std::optional(last->session) : std::nullopt};
      break;
    }
    case TrialStatus::kAssigned:
    case TrialStatus::kRunning: {
      PLATEAU_CHECK(last != nullptr && !last->end, "a trial that runs has an open attempt");
      // Its worker has one lease to come back. Whether the assignment ever left is not known, so
      // one that did not start may be sent again: the worker ignores what it has.
      WorkerEntry& worker = state_.workers[last->session];
      worker.name = last->node;
      worker.heard_ms = now_ms_;
      SlotEntry& slot = worker.slots[last->slot];
      slot.facts.index = last->slot;
      slot.facts.pack_limit = 0;
      slot.loaded_group = entry.facts.group;
      if (trial.status == TrialStatus::kAssigned) {
        entry.phase = phase::Assigned{last->session, last->slot, last->assigned_ms, now_ms_,
                                      ++state_.assignments};
      } else {
        entry.phase = phase::Running{
            last->session, last->slot, last->started_ms, now_ms_, ++state_.assignments, 0, 0, 0.0};
      }
      break;
    }
    case TrialStatus::kFinished:
      entry.phase = phase::Finished{};
      break;
    case TrialStatus::kDiverged:
      entry.phase = phase::Diverged{};
      break;
    case TrialStatus::kFailed:
      entry.phase = phase::Failed{trial.reason};
      break;
    case TrialStatus::kStopped:
      entry.phase = phase::Stopped{trial.reason};
      break;
  }
  const auto [position, added] = state_.trials.emplace(trial.facts.id, std::move(entry));
  PLATEAU_CHECK(added, "the store holds each trial once");
  enter(position->second);
}

}  // namespace plateau
