// A node's trainers: how a trial of each nature goes, and what it says.
#include <algorithm>

#include "tests/simulation/simulated_node.h"

namespace plateau::simulation {
namespace {

constexpr std::uint64_t kCheckpointBytes = 1000;
constexpr std::uint64_t kArtifactBytes = 5000;
constexpr std::int64_t kBeats = 10;  // of a trial's life, in which something may happen to it

}  // namespace

void SimulatedNode::start_trial(const agent::StartTrial& start) {
  const AttemptRef attempt = to_ours(start.attempt);
  if (++world_.in_trainers[attempt] > 1) world_.broken("an attempt is in two trainers");
  InTrainer trial;
  trial.attempt = attempt;
  trial.step = start.resume ? kStepsTotal / 2 : 0;
  trial.micro_batch = std::stoll(start.trial_json);
  trial.alone = start.alone;
  trainer(start.slot).trials.emplace(attempt, trial);
  join(start.slot, attempt);
}

bool SimulatedNode::may_run(const Trainer& where, const InTrainer& trial) const {
  for (const auto& [attempt, other] : where.trials) {
    if (other.runs && (other.alone || trial.alone)) return false;
  }
  return true;
}

void SimulatedNode::join(SlotIndex slot, AttemptRef attempt) {
  in_process(world_.between(10, 300), [this, slot, attempt] {
    const auto found = trainer(slot).trials.find(attempt);
    if (found == trainer(slot).trials.end()) return;
    if (!may_run(trainer(slot), found->second)) {
      world_.probe("waits in the trainer to be alone");
      return join(slot, attempt);
    }
    found->second.runs = true;
    if (world_.truth.at(attempt.trial).nature == Nature::kBad) {
      remove(slot, attempt);
      apply(agent::TrialFailed{to_agents(attempt), agent::FailureKind::kBadConfiguration, "bad"});
      return;
    }
    const std::int64_t life = life_;
    apply(agent::TrialStarted{to_agents(attempt), found->second.step, kStepsTotal});
    if (life == life_) beat(slot, attempt);
  });
}

// A tenth of the trial's life, then the next.
void SimulatedNode::beat(SlotIndex slot, AttemptRef attempt) {
  const DurationMs duration_ms = world_.truth.at(attempt.trial).duration_ms;
  in_process(duration_ms / kBeats + 1, [this, slot, attempt] {
    const auto found = trainer(slot).trials.find(attempt);
    if (found == trainer(slot).trials.end()) return;
    InTrainer& trial = found->second;
    trial.step += kStepsTotal / kBeats;
    const std::int64_t life = life_;
    if (goes_wrong(slot, trial)) return;
    const bool is_over = trial.step >= kStepsTotal;
    const bool writes = is_over || world_.chance(0.3);
    if (writes && disk_is_full()) return fail(slot, trial, "no space left on device");
    if (is_over) return finish(slot, trial);
    apply(agent::TrialProgress{to_agents(attempt), trial.step, kStepsTotal, 0.5, 1000.0});
    if (life != life_) return;
    apply(agent::TrialMetric{to_agents(attempt), trial.step, "validation", "accuracy", 0.5});
    if (life != life_) return;
    if (writes) checkpoint(trial);
    if (life == life_) beat(slot, attempt);
  });
}

bool SimulatedNode::goes_wrong(SlotIndex slot, const InTrainer& trial) {
  const AttemptRef attempt = trial.attempt;
  const Truth& truth = world_.truth.at(attempt.trial);
  const auto& trials = trainer(slot).trials;
  const auto pack = std::count_if(trials.begin(), trials.end(),
                                  [](const auto& each) { return !each.second.leaving; });
  if (truth.nature == Nature::kCrashes && trial.step >= 30) {
    trainer_dies(slot, agent::FailureKind::kTrainerCrashed);
    return true;
  }
  if (truth.nature == Nature::kDiverges && trial.step >= 50) {
    remove(slot, attempt);
    apply(agent::TrialFailed{to_agents(attempt), agent::FailureKind::kDiverged, "loss is NaN"});
    return true;
  }
  const bool too_big = pack > 1 || trial.micro_batch == 0 || trial.micro_batch > kHungryMicroBatch;
  if (truth.nature == Nature::kHungry && too_big) {
    trainer_dies(slot, agent::FailureKind::kOutOfMemory);
    return true;
  }
  if (world_.timeline.now() < broken_until_) {
    fail(slot, trial, "the device is gone");
    return true;
  }
  return false;
}

void SimulatedNode::fail(SlotIndex slot, const InTrainer& trial, const std::string& why) {
  const AttemptRef attempt = trial.attempt;
  remove(slot, attempt);
  apply(agent::TrialFailed{to_agents(attempt), agent::FailureKind::kNodeFault, why});
}

void SimulatedNode::checkpoint(const InTrainer& trial) {
  const std::string name = "checkpoint-" + std::to_string(trial.step);
  apply(agent::TrialCheckpoint{
      to_agents(trial.attempt), trial.step, {name, "/node/" + name, kCheckpointBytes, name}});
}

void SimulatedNode::finish(SlotIndex slot, const InTrainer& trial) {
  const AttemptRef attempt = trial.attempt;
  remove(slot, attempt);
  apply(agent::TrialFinished{to_agents(attempt),
                             result_of(attempt),
                             {{"predictions.jsonl", "/node/p", kArtifactBytes, "p"},
                              {"metrics.jsonl", "/node/m", 10, "m"}}});
}

void SimulatedNode::remove(SlotIndex slot, AttemptRef attempt) {
  trainer(slot).trials.erase(attempt);
  world_.in_trainers.erase(attempt);
}

void SimulatedNode::trainer_dies(SlotIndex slot, agent::FailureKind kind) {
  std::vector<AttemptRef> pack;
  for (const auto& [attempt, trial] : trainer(slot).trials) {
    world_.in_trainers.erase(attempt);
    if (!trial.leaving) pack.push_back(attempt);
  }
  if (pack.size() == 1 && kind == agent::FailureKind::kTrainerCrashed) {
    ++world_.truth.at(pack.front().trial).crashes_alone;
  }
  trainer(slot).trials.clear();
  apply(agent::TrainerDied{slot, kind, "died"});
}

void SimulatedNode::crash_a_trainer() {
  if (!process_) return;
  const SlotIndex slot{world_.between(0, static_cast<std::int64_t>(process_->trainers.size()) - 1)};
  in_process(1, [this, slot] {
    if (!trainer(slot).trials.empty()) trainer_dies(slot, agent::FailureKind::kTrainerCrashed);
  });
}

void SimulatedNode::stop_trainer(SlotIndex slot) {
  const std::map<AttemptRef, InTrainer> trials = trainer(slot).trials;
  const std::int64_t life = life_;
  for (const auto& [attempt, trial] : trials) {
    if (world_.chance(0.8) && !disk_is_full()) checkpoint(trial);
    if (life != life_) return;
    remove(slot, attempt);
    apply(agent::TrialHandedBack{to_agents(attempt)});
    if (life != life_) return;
  }
  trainer_dies(slot, agent::FailureKind::kTrainerCrashed);
}

}  // namespace plateau::simulation
