// What the simulated parts share: time, chance, the network, the truth about every trial, and the
// places where a rule is seen to be broken.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "common/base/random.h"
#include "coordinator/scheduler/scheduler.h"
#include "tests/simulation/timeline.h"
#include "worker/agent/agent_state.h"

namespace plateau::simulation {

// What a trial does whenever it is run.
enum class Nature { kSound, kCrashes, kDiverges, kBad, kHungry };

// A hungry trial fits alone with at most so many sequences at once.
inline constexpr std::int64_t kHungryMicroBatch = 4;
inline constexpr std::int64_t kStepsTotal = 100;

struct Truth {
  Nature nature = Nature::kSound;
  DurationMs duration_ms = 0;
  std::int64_t crashes_alone = 0;  // that it could rightly be charged for
};

// Chances of what the network does to one message, and how long it takes.
struct Weather {
  double drop = 0.0;
  double repeat = 0.0;
  DurationMs delay_max_ms = 5;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(derive_seed(seed, "simulation")) {}

  Timeline timeline;
  Weather weather;
  bool faults = true;
  std::map<TrialId, Truth> truth;

  bool chance(double probability) { return random_.uniform() < probability; }
  // From `low` to `high`, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low) + 1));
  }
  // A fault that is injected, by this chance, as long as faults are on.
  bool fault(double probability, const char* name) {
    if (!faults || !chance(probability)) return false;
    ++faults_injected_[name];
    return true;
  }
  void count_fault(const char* name) { ++faults_injected_[name]; }

  // Lost, late, twice, or in another order than sent; and nothing at all through a partition.
  void send(bool cut_off, std::function<void()> deliver) {
    if (cut_off || fault(weather.drop, "message dropped")) return;
    timeline.after(between(1, weather.delay_max_ms), deliver);
    if (fault(weather.repeat, "message repeated")) {
      timeline.after(between(1, 20 * weather.delay_max_ms), std::move(deliver));
    }
  }

  // A rare branch was reached. The batch fails when one of kProbes never was, and one that is not
  // among them breaks the simulation: nobody would miss it.
  void probe(const char* name);
  // The first broken rule ends the simulation.
  void broken(const std::string& what) {
    if (!broken_) broken_ = "at " + std::to_string(timeline.now()) + " ms: " + what;
  }
  // FNV-1a over what was decided.
  void mix(std::uint64_t value) {
    for (int i = 0; i < 8; ++i)
      hash_ = (hash_ ^ (value >> (8 * i) & 0xff)) * 0x100000001b3;
  }
  void mix(const Action& action);
  void mix(const agent::Action& action) { mix(1000 + action.index()); }

  const std::optional<std::string>& broken() const { return broken_; }
  std::uint64_t hash() const { return hash_; }
  const std::set<std::string>& probes() const { return probes_; }
  const std::map<std::string, std::int64_t>& faults_injected() const { return faults_injected_; }

  // Attempts that are in a live trainer now: one trainer each.
  std::map<AttemptRef, int> in_trainers;

 private:
  Random random_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::optional<std::string> broken_;
  std::set<std::string> probes_;
  std::map<std::string, std::int64_t> faults_injected_;
};

// What goes to the coordinator beside scheduler events: bytes of an artifact.
struct ChunkMessage {
  SessionId session;
  AttemptRef attempt;
  ArtifactFacts artifact;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
using ToCoordinator = std::variant<Event, ChunkMessage>;

inline AttemptRef to_ours(const agent::AttemptRef& ref) {
  return {ref.trial, ref.attempt};
}
inline agent::AttemptRef to_agents(const AttemptRef& ref) {
  return {ref.trial, ref.attempt};
}

// What the trainer of this attempt must answer: the accepted result is compared with it.
inline std::string result_of(const AttemptRef& ref) {
  return "trial " + std::to_string(ref.trial.value) + " attempt " +
         std::to_string(ref.attempt.value);
}

}  // namespace plateau::simulation
