// One call of Scheduler::apply: the event's rules, one method each, spread over
// worker_events.cc, reports.cc, failures.cc, placement.cc and restore.cc.
//
// Internal to coordinator/scheduler.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler/scheduler.h"

namespace plateau {

class Step {
 public:
  Step(const SchedulerOptions& options, SchedulerState& state, Counts& counts, TimeMs now_ms)
      : options_(options), state_(state), counts_(counts), now_ms_(now_ms) {}

  void operator()(const event::Restored& event);
  void operator()(const event::TrialsSubmitted& event);
  void operator()(const event::Hello& event);
  void operator()(const event::Heartbeat& event);
  void operator()(const event::Report& event);
  void operator()(const event::CheckpointStored& event);
  void operator()(const event::Goodbye& event);
  void operator()(const event::ConnectionLost& event);
  void operator()(const event::Tick& event);
  void operator()(const event::StopRequested& event);
  void operator()(const event::StopTrial& event);

  // After every event: fill free places, then see whether anything is left to do.
  void settle();

  std::vector<Action> take() { return std::move(actions_); }

 private:
  // state.cc of a trial: the only ways its phase changes.
  void add_trial(const TrialFacts& facts);
  void move(TrialEntry& entry, TrialPhase next, const RetryPolicy& retry);
  void leave(const TrialEntry& entry);
  void enter(const TrialEntry& entry);
  std::int64_t& count_of(TrialStatus status);
  void end_attempt(TrialEntry& entry, AttemptEnd end, bool charged, const std::string& message);
  void queue_again(TrialEntry& entry, const RetryPolicy& retry);

  // worker_events.cc
  WorkerEntry* introduced(SessionId session);
  void refuse_unknown(SessionId session);
  bool introduce(const event::Hello& hello);
  void lose_what_died_with_the_old_process(const event::Hello& hello);
  void lose_attempt(TrialEntry& entry, const std::string& why);
  std::vector<AttemptRef> keep_of(const event::Hello& hello);
  bool revive(TrialEntry& entry, SessionId session);
  void assign_again_what_did_not_arrive(SessionId session, const std::vector<AttemptRef>& held,
                                        DurationMs patience_ms);
  void lose_what_is_not_listed(SessionId session);
  void allow_for_deafness();
  void lose_worker(SessionId session, AttemptEnd end, const std::string& why);
  void record_session(SessionId session);

  // reports.cc
  TrialEntry* current(const AttemptRef& ref, SessionId session);
  void heard_of(TrialEntry& entry);
  phase::Running& running(TrialEntry& entry);
  void on(TrialEntry& entry, const report::Started& body);
  void on(TrialEntry& entry, const report::Progress& body);
  void on(TrialEntry& entry, const report::Metric& body);
  void on(TrialEntry& entry, const report::Checkpointed& body);
  void on(TrialEntry& entry, const report::Finished& body);
  void on(TrialEntry& entry, const report::Failed& body);
  void on(TrialEntry& entry, const report::HandedBack& body);
  void note_stale(const event::Report& event);

  // failures.cc: one row of the table each
  void on_crash(TrialEntry& entry, const report::Failed& body);
  void on_out_of_memory(TrialEntry& entry, const report::Failed& body);
  void on_diverged(TrialEntry& entry, const report::Failed& body);
  void on_bad_configuration(TrialEntry& entry, const report::Failed& body);
  void on_node_fault(TrialEntry& entry, const report::Failed& body);
  void charge(TrialEntry& entry, AttemptEnd end, RetryPolicy retry, const std::string& message);
  void count_node_fault(const std::string& node, std::int64_t serial, const std::string& message);
  void clear_node_faults(const std::string& node);

  // placement.cc
  void fill_free_places(bool avoid);
  std::vector<std::string> usable_nodes() const;
  bool usable(const WorkerEntry& worker) const;
  TrialEntry* pick(const WorkerEntry& worker, const SlotEntry& slot, bool avoid);
  void assign(TrialEntry& entry, SessionId session, SlotEntry& slot);
  void send_assign(const TrialEntry& entry, SessionId session, SlotIndex slot);
  void end_run_if_done();

  // restore.cc
  void restore_trial(const RestoredTrial& trial, DurationMs wall_to_monotonic_ms);
  TrialPhase restored_phase(const RestoredTrial& trial, const TrialEntry& entry);
  TrialPhase restored_attempt(TrialStatus status, const TrialEntry& entry);

  SlotEntry& slot_at(const SlotPlace& place);
  TrialEntry* find(TrialId trial);
  // Built in place: g++ 12 warns of uninitialised members where it moves a variant whose kind it
  // knows.
  template <typename R>
  void commit(R record) {
    actions_.emplace_back(std::in_place_type<action::Commit>);
    std::get<action::Commit>(actions_.back()).record.template emplace<R>(std::move(record));
  }
  template <typename A>
  void say(A action) {
    actions_.emplace_back(std::in_place_type<A>, std::move(action));
  }
  void note(std::optional<TrialId> trial, std::string text) {
    commit(record::Note{trial, std::move(text)});
  }

  const SchedulerOptions& options_;
  SchedulerState& state_;
  Counts& counts_;
  const TimeMs now_ms_;
  std::vector<Action> actions_;
};

}  // namespace plateau
