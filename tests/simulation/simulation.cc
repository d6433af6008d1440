#include "tests/simulation/simulation.h"

#include <deque>
#include <vector>

#include "common/spec/methods.h"
#include "tests/simulation/simulated_coordinator.h"
#include "tests/simulation/simulated_node.h"

namespace plateau::simulation {
namespace {

constexpr DurationMs kFaultsMinMs = 30'000;
constexpr DurationMs kFaultsMaxMs = 240'000;
// With faults over, every sweep must end within this time.
constexpr DurationMs kHealMs = 3'600'000;

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed)
      : world_(seed),
        coordinator_(world_, {[this](SessionId session, agent::CoordinatorBody body) {
                                to_worker(session, std::move(body));
                              },
                              [this](SessionId session) { return local_process_lives(session); }}) {
  }

  Outcome run(std::int64_t steps_max);

 private:
  void build();
  std::vector<NewTrial> make_trials(std::int64_t count);
  Nature any_nature();
  void to_worker(SessionId session, agent::CoordinatorBody body);
  std::optional<bool> local_process_lives(SessionId session) const;
  void next_fault();
  void inject_fault();
  void tend();
  std::string what_is_left() const;
  SimulatedNode& any_node() {
    return nodes_[static_cast<std::size_t>(
        world_.between(0, static_cast<std::int64_t>(nodes_.size()) - 1))];
  }

  World world_;
  SimulatedCoordinator coordinator_;
  std::deque<SimulatedNode> nodes_;
  TimeMs faults_until_ms_ = 0;
};

Nature Cluster::any_nature() {
  const std::int64_t die = world_.between(1, 40);
  if (die == 1) return Nature::kCrashes;
  if (die == 2) return Nature::kDiverges;
  if (die == 3) return Nature::kBad;
  return die <= 5 ? Nature::kHungry : Nature::kSound;
}

std::vector<NewTrial> Cluster::make_trials(std::int64_t count) {
  std::vector<NewTrial> trials;
  const std::int64_t bases = world_.between(1, 2);
  for (std::int64_t i = 0; i < count; ++i) {
    NewTrial each;
    each.trial.base.name = "base";
    each.trial.base.sha256 = std::to_string(i % bases);
    each.trial.adapter.method = "lora";
    each.trial.adapter.parameters = {{"rank", 1 + i / 3}};
    each.trial.seed = static_cast<std::uint64_t>(i % 3);
    each.alone = world_.chance(0.05);
    Truth& truth = world_.truth[TrialId{i + 1}];
    truth.nature = any_nature();
    truth.duration_ms = world_.between(200, 20'000);
    each.expected_ms = truth.duration_ms;
    trials.push_back(std::move(each));
  }
  return trials;
}

void Cluster::build() {
  const std::int64_t node_count = world_.between(1, 4);
  for (std::int64_t i = 0; i < node_count; ++i) {
    NodeOptions options;
    options.name = "node-" + std::to_string(i);
    options.is_local = world_.chance(0.4);
    for (std::int64_t slot = world_.between(1, 2); slot > 0; --slot) {
      options.pack_limits.push_back(world_.between(1, 5));
    }
    nodes_.emplace_back(world_, std::move(options), [this](ToCoordinator message) {
      coordinator_.receive(std::move(message));
    });
  }
  world_.weather.drop =
      world_.chance(0.5) ? 0.0 : static_cast<double>(world_.between(1, 100)) / 1000.0;
  world_.weather.repeat =
      world_.chance(0.5) ? 0.0 : static_cast<double>(world_.between(1, 100)) / 1000.0;
  world_.weather.delay_max_ms = world_.chance(0.7) ? 5 : world_.between(5, 500);
  faults_until_ms_ = world_.between(kFaultsMinMs, kFaultsMaxMs);
  coordinator_.submit(make_trials(world_.between(1, 40)));
  coordinator_.start();
  for (SimulatedNode& node : nodes_)
    node.start();
  next_fault();
  tend();
}

void Cluster::to_worker(SessionId session, agent::CoordinatorBody body) {
  for (SimulatedNode& node : nodes_) {
    if (node.session() != session) continue;
    world_.send(node.is_cut_off(),
                [&node, session, body = std::move(body)] { node.receive(session, body); });
    return;
  }
}

std::optional<bool> Cluster::local_process_lives(SessionId session) const {
  for (const SimulatedNode& node : nodes_) {
    if (node.session() == session && node.is_local()) return node.is_alive();
  }
  return std::nullopt;
}

void Cluster::next_fault() {
  world_.timeline.after(world_.between(100, 10'000), [this] {
    if (world_.timeline.now() >= faults_until_ms_) {
      world_.faults = false;
      for (SimulatedNode& node : nodes_)
        node.mend();
      return;
    }
    inject_fault();
    next_fault();
  });
}

void Cluster::inject_fault() {
  SimulatedNode& node = any_node();
  // As long as a lease and longer, and shorter.
  const DurationMs a_while_ms = world_.between(100, 25'000);
  switch (world_.between(0, 11)) {
    case 0:
      world_.count_fault("worker killed");
      return node.kill();
    case 1:
      world_.count_fault("worker without power");
      return node.power_cut();
    case 2:
      world_.count_fault("worker frozen");
      return node.freeze(a_while_ms);
    case 3:
      world_.count_fault("worker preempted");
      return node.preempt();
    case 4:
      world_.count_fault("worker cut off");
      return node.cut_off(a_while_ms);
    case 5:
      world_.count_fault("node broken");
      return node.break_for(a_while_ms);
    case 6:
    case 7:
      world_.count_fault("trainer crashed");
      return node.crash_a_trainer();
    case 8:
      world_.count_fault("coordinator killed");
      return coordinator_.crash();
    case 9:
      world_.count_fault("worker's disk full");
      return node.fill_disk(a_while_ms);
    case 10:
      world_.count_fault("coordinator's disk full");
      return coordinator_.fill_disk(world_.between(100, 5'000));
    default:
      if (!world_.chance(0.3) || !coordinator_.is_up()) return;
      world_.count_fault("run stopped");
      return coordinator_.receive(Event(event::StopRequested{world_.chance(0.5), "asked for"}));
  }
}

// Somebody, or something, starts again what is not there.
void Cluster::tend() {
  world_.timeline.after(world_.between(100, 3'000), [this] {
    if (!coordinator_.is_up()) coordinator_.start();
    const Scheduler* scheduler = coordinator_.scheduler();
    for (SimulatedNode& node : nodes_) {
      if (!node.is_alive()) node.start();
      if (scheduler == nullptr || world_.faults) continue;
      const auto found = scheduler->state().nodes.find(node.name());
      if (found != scheduler->state().nodes.end() && found->second.set_aside) {
        node.kill();
        node.start();
      }
    }
    tend();
  });
}

std::string Cluster::what_is_left() const {
  const Scheduler* scheduler = coordinator_.scheduler();
  if (scheduler == nullptr) return "the coordinator is down";
  for (const auto& [id, entry] : scheduler->state().trials) {
    if (has_ended(entry.phase)) continue;
    return "trial " + std::to_string(id.value) + " " +
           scheduler->why(id, world_.timeline.now()).now + ", attempts " +
           std::to_string(entry.attempts.size());
  }
  return "every trial has ended, and nobody said so";
}

Outcome Cluster::run(std::int64_t steps_max) {
  build();
  Outcome outcome;
  while (!world_.broken() && !(coordinator_.is_complete() && coordinator_.is_up())) {
    if (++outcome.steps > steps_max) {
      world_.broken("not over after " + std::to_string(steps_max) + " steps");
    } else if (world_.timeline.now() > faults_until_ms_ + kHealMs) {
      world_.broken("not over an hour after the last fault: " + what_is_left());
    } else if (!world_.timeline.step()) {
      world_.broken("nothing happens any more");
    }
  }
  if (!world_.broken()) coordinator_.check_outcome();
  outcome.broken = world_.broken();
  outcome.hash = world_.hash();
  outcome.simulated_ms = world_.timeline.now();
  outcome.faults = world_.faults_injected();
  outcome.probes = world_.probes();
  return outcome;
}

}  // namespace

Outcome simulate(std::uint64_t seed, std::int64_t steps_max) {
  return Cluster(seed).run(steps_max);
}

}  // namespace plateau::simulation
