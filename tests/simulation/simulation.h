// One seed: a small cluster, a sweep of trials of every nature, a time of faults, then none; and
// the sweep must end with exactly the results that the trials' natures allow.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/clock.h"

namespace plateau::simulation {

// Branches that a batch of seeds must reach, each at least once. World::probe() knows no others.
inline constexpr std::array kProbes = {
    "a power cut took reports",
    "adopted after a restart",
    "attempt revived",
    "bad checkpoint to resume from",
    "came back without a trial",
    "coordinator ended on a full disk",
    "crash alone",
    "crash before commit",
    "crash between commit and send",
    "crash in a pack",
    "disk caught up",
    "goodbye with trials held",
    "handed back",
    "held no longer",
    "kept in memory on a full disk",
    "lease ran out",
    "node came back",
    "node set aside",
    "process gone",
    "repeated report",
    "report behind a gap",
    "resumed from a checkpoint",
    "session went on in a new process",
    "smaller micro-batch",
    "smaller pack after out of memory",
    "stale report dropped",
    "stale result dropped",
    "stalled: every node set aside",
    "stopped and started again",
    "trial cancelled in a trainer",
    "waits in the trainer to be alone",
};

struct Outcome {
  std::optional<std::string> broken;  // the first broken rule
  std::uint64_t hash = 0;             // of all actions of the scheduler and the agents
  std::int64_t steps = 0;             // things that happened
  TimeMs simulated_ms = 0;
  std::map<std::string, std::int64_t> faults;  // injected, by kind
  std::set<std::string> probes;
};

// steps_max: a simulation that is not over by then is broken.
Outcome simulate(std::uint64_t seed, std::int64_t steps_max = 2'000'000);

}  // namespace plateau::simulation
