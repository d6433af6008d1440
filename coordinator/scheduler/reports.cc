// What attempts report. Only the current attempt, from the session that holds it, may report;
// everything else is dropped and noted, and acknowledged so that the worker forgets it.
#include "coordinator/scheduler/step.h"

namespace plateau {

void Step::operator()(const event::Report& event) {
  WorkerEntry* worker = introduced(event.session);
  if (worker == nullptr) return refuse_unknown(event.session);
  worker->heard_ms = now_ms_;

  TrialEntry* entry = current(event.attempt, event.session);
  if (event.sequence == 0) {
    const auto* progress = std::get_if<report::Progress>(&event.body);
    if (progress != nullptr && entry != nullptr) on(*entry, *progress);
    return;
  }
  SessionMemory& memory = state_.sessions.at(event.session);
  if (event.sequence <= memory.acked_sequence) {
    // Known; its acknowledgement was lost.
    say(action::Ack{event.session, memory.acked_sequence});
    return;
  }
  // A report before this one is missing: the worker sends both again.
  if (event.sequence > memory.acked_sequence + 1) return;

  memory.acked_sequence = event.sequence;
  if (entry == nullptr) {
    note_stale(event);
  } else {
    heard_of(*entry);
    std::visit([this, entry](const auto& body) { on(*entry, body); }, event.body);
  }
  record_session(event.session);
  say(action::Ack{event.session, event.sequence});
}

TrialEntry* Step::current(const AttemptRef& ref, SessionId session) {
  TrialEntry* entry = find(ref.trial);
  if (entry == nullptr || entry->attempts.empty()) return nullptr;
  const auto place = place_of(entry->phase);
  if (!place || place->session != session || current_attempt(*entry) != ref) return nullptr;
  return entry;
}

void Step::note_stale(const event::Report& event) {
  // A trial that was taken away is handed back: that is the rule, not news.
  if (std::holds_alternative<report::HandedBack>(event.body)) return;
  note(event.attempt.trial, "dropped a report of attempt " +
                                std::to_string(event.attempt.attempt.value) + " from worker " +
                                state_.sessions.at(event.session).worker_name +
                                ": the attempt is not current any more");
}

void Step::heard_of(TrialEntry& entry) {
  if (auto* assigned = std::get_if<phase::Assigned>(&entry.phase)) assigned->heard_ms = now_ms_;
  if (auto* running = std::get_if<phase::Running>(&entry.phase)) running->heard_ms = now_ms_;
}

// Whatever an attempt reports, it has begun.
phase::Running& Step::running(TrialEntry& entry) {
  if (const auto* assigned = std::get_if<phase::Assigned>(&entry.phase)) {
    entry.attempts.back().started_ms = now_ms_;
    move(entry,
         phase::Running{assigned->session, assigned->slot, now_ms_, now_ms_, assigned->serial, 0, 0,
                        0.0},
         entry.retry);
  }
  return std::get<phase::Running>(entry.phase);
}

void Step::on(TrialEntry& entry, const report::Started& body) {
  phase::Running& now = running(entry);
  now.step = body.step;
  now.steps_total = body.steps_total;
  commit(record::AttemptStarted{current_attempt(entry), body.step, body.steps_total});
}

void Step::on(TrialEntry& entry, const report::Progress& body) {
  auto* now = std::get_if<phase::Running>(&entry.phase);
  if (now == nullptr) return;
  now->heard_ms = now_ms_;
  now->step = body.step;
  now->steps_total = body.steps_total;
  now->tokens_per_s = body.tokens_per_s;
}

void Step::on(TrialEntry& entry, const report::Metric& body) {
  running(entry);
  commit(record::Metric{current_attempt(entry), body});
}

// Of use only when its bytes are here: CheckpointStored.
void Step::on(TrialEntry& entry, const report::Checkpointed&) {
  running(entry);
}

void Step::operator()(const event::CheckpointStored& event) {
  TrialEntry* entry = find(event.attempt.trial);
  if (entry == nullptr || has_ended(entry->phase) || entry->attempts.empty()) return;
  if (current_attempt(*entry) != event.attempt) return;
  entry->resume = std::make_shared<const ResumePoint>(
      ResumePoint{event.attempt.attempt, event.step, event.artifact});
  commit(record::Checkpoint{event.attempt.trial, *entry->resume});
}

void Step::on(TrialEntry& entry, const report::Finished& body) {
  const std::string node = entry.attempts.back().node;
  commit(record::Result{current_attempt(entry), body.result_json, body.artifacts});
  end_attempt(entry, AttemptEnd::kFinished, /*charged=*/false, "");
  move(entry, phase::Finished{}, entry.retry);
  state_.nodes[node].faults_in_a_row = 0;
}

void Step::on(TrialEntry& entry, const report::HandedBack& body) {
  const SlotPlace place = *place_of(entry.phase);
  WorkerEntry& worker = state_.workers.at(place.session);
  const bool was_there_before = assignment_serial(entry.phase) <= worker.came_at_serial;
  RetryPolicy retry = entry.retry;
  retry.avoid_node = entry.attempts.back().node;
  end_attempt(entry, AttemptEnd::kHandedBack, /*charged=*/false, body.reason);
  queue_again(entry, retry);
  note(entry.facts.id,
       "handed back by worker " + retry.avoid_node + " (" + body.reason + "); it is queued again");
  // A worker gives back what it was given and nobody took from it only when it is about to end.
  if (!was_there_before) worker.draining_until_ms = now_ms_ + options_.drain_patience_ms;
}

}  // namespace plateau
