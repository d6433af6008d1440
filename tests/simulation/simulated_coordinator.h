// The coordinator's loop over the real scheduler and the in-memory store: receive, apply, commit,
// then send; and die between any two of these.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler/invariants.h"
#include "coordinator/store/store.h"
#include "tests/simulation/world.h"

namespace plateau::simulation {

struct CoordinatorLinks {
  // To the worker that has this session, over the network.
  std::function<void(SessionId, agent::CoordinatorBody)> send;
  // Whether a local process with this session lives; nullopt: it is not local.
  std::function<std::optional<bool>(SessionId)> local_process_lives;
};

class SimulatedCoordinator {
 public:
  SimulatedCoordinator(World& world, CoordinatorLinks links);

  void submit(const std::vector<NewTrial>& trials);
  void start();
  void crash();
  // Nothing can be written until then: it ends, as often as it is started.
  void fill_disk(DurationMs for_ms) { disk_full_until_ = world_.timeline.now() + for_ms; }
  bool is_up() const { return scheduler_.has_value(); }
  // Every trial has ended, and that was said.
  bool is_complete() const { return complete_; }
  // Dropped while it is down.
  void receive(ToCoordinator message);
  const Scheduler* scheduler() const { return scheduler_ ? &*scheduler_ : nullptr; }
  // Against what the trials really do; to be asked when the sweep is complete.
  void check_outcome();

 private:
  void tick(std::int64_t life);
  void round(std::int64_t life);
  void apply(const Event& event, std::vector<Action>& actions);
  void probe(const Event& event);
  void probe(const Record& record);
  bool commit(const std::vector<Action>& actions);
  void check_result(const record::Result& result);
  void perform(const Action& action);
  void assign(const action::Assign& assign);
  bool take_chunk(const ChunkMessage& chunk, std::vector<Action>& actions);
  bool write_fails();
  bool has_artifacts(const event::Report& report) const;
  bool is_current(SessionId session, const AttemptRef& attempt) const;

  using FileKey = std::pair<AttemptRef, std::string>;

  World& world_;
  CoordinatorLinks links_;
  // What survives a crash.
  std::unique_ptr<Store> store_ = memory_store();
  std::set<FileKey> files_;
  // What does not.
  std::optional<Scheduler> scheduler_;
  std::map<FileKey, std::uint64_t> arriving_;
  std::vector<ToCoordinator> inbox_;
  bool round_is_due_ = false;
  std::int64_t life_ = 0;
  TimeMs disk_full_until_ = 0;

  HistoryChecker history_;
  std::set<TrialId> results_;
  bool complete_ = false;
};

}  // namespace plateau::simulation
