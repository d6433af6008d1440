// A worker's machine: the real agent state, made-up trainers in its slots, its disk, its deaths.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace plateau::simulation {

struct NodeOptions {
  std::string name;
  std::vector<std::int64_t> pack_limits;  // one a slot
  bool is_local = false;                  // the coordinator sees its process die
};

class SimulatedNode {
 public:
  SimulatedNode(World& world, NodeOptions options,
                std::function<void(ToCoordinator)> to_coordinator);

  void start();
  void kill();                     // -9
  void power_cut();                // the end of what was not synced as well
  void freeze(DurationMs for_ms);  // SIGSTOP, then SIGCONT
  void preempt();                  // SIGTERM
  void cut_off(DurationMs for_ms);
  void break_for(DurationMs for_ms);  // trials fail here for the node's own reasons
  void fill_disk(DurationMs for_ms);  // nothing can be written until then
  void mend();
  // Any trainer of it crashes, for no fault of a trial.
  void crash_a_trainer();

  bool is_alive() const { return process_ != nullptr; }
  bool is_local() const { return options_.is_local; }
  const std::string& name() const { return options_.name; }
  SessionId session() const { return session_; }
  bool disk_is_full() const { return world_.timeline.now() < disk_full_until_; }
  bool is_cut_off() const { return world_.timeline.now() < cut_off_until_; }
  void receive(SessionId session, agent::CoordinatorBody body);

 private:
  struct InTrainer {
    AttemptRef attempt;
    std::int64_t step = 0;
    std::int64_t micro_batch = 0;
    bool alone = false;
    bool runs = false;     // false: it waits to join, for who is alone or to be alone
    bool leaving = false;  // it was cancelled, or is to be handed back
  };
  struct Trainer {
    std::map<AttemptRef, InTrainer> trials;
  };
  struct Spool {
    SessionId session;
    std::uint64_t acked = 0;
    std::map<std::uint64_t, agent::Report> reports;
    std::map<agent::AttemptRef, agent::KeepResult> results;
  };
  struct Process {
    agent::AgentState agent;
    std::int64_t pid = 0;
    std::vector<Trainer> trainers;
    TimeMs wake_at = 0;
    TimeMs frozen_until = 0;
    Spool spool;  // all that was to be kept, also what a full disk did not take
  };

  void apply(const agent::Event& event);
  void schedule_wake();
  // Runs in this process only, and not while it is frozen.
  void in_process(DurationMs delay_ms, std::function<void()> what);
  void perform(const agent::Action& action);
  void send(ToCoordinator message);
  void to_disk(const agent::Action& action);
  void sync_later();
  static bool keep(const agent::Action& action, Spool& spool);
  void say_hello(const agent::SendHello& hello);
  void start_trial(const agent::StartTrial& start);
  void join(SlotIndex slot, AttemptRef attempt);
  bool may_run(const Trainer& where, const InTrainer& trial) const;
  void beat(SlotIndex slot, AttemptRef attempt);
  bool goes_wrong(SlotIndex slot, const InTrainer& trial);
  void finish(SlotIndex slot, const InTrainer& trial);
  void fail(SlotIndex slot, const InTrainer& trial, const std::string& why);  // the node's fault
  void checkpoint(const InTrainer& trial);
  void remove(SlotIndex slot, AttemptRef attempt);
  void trainer_dies(SlotIndex slot, agent::FailureKind kind);
  void stop_trainer(SlotIndex slot);
  void process_ends();
  Trainer& trainer(SlotIndex slot) {
    return process_->trainers[static_cast<std::size_t>(slot.value)];
  }

  World& world_;
  NodeOptions options_;
  std::function<void(ToCoordinator)> to_coordinator_;
  std::unique_ptr<Process> process_;
  Spool disk_;    // what a new process finds after a kill -9, as the real spool would
  Spool synced_;  // what it finds after a power cut
  bool sync_is_coming_ = false;
  bool disk_is_behind_ = false;
  SessionId session_;
  std::int64_t life_ = 0;
  TimeMs cut_off_until_ = 0;
  TimeMs broken_until_ = 0;
  TimeMs disk_full_until_ = 0;
};

}  // namespace plateau::simulation
