// plateau-sim --seed N [--steps M]: one simulation, to look at one seed. The last line is the hash
// of all actions; the exit code is 1 when a rule was broken.
//
// plateau-sim --from N --count K: a batch; prints what was broken and which probes were not
// reached.
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "tests/simulation/simulation.h"

namespace plateau::simulation {
namespace {

struct Options {
  std::uint64_t from = 1;
  std::uint64_t count = 1;
  std::int64_t steps_max = 2'000'000;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    char* end = nullptr;
    const unsigned long long value = std::strtoull(argv[i + 1], &end, 10);
    if (*end != '\0') return false;
    if (name == "--seed" || name == "--from") {
      options.from = value;
    } else if (name == "--count") {
      options.count = value;
    } else if (name == "--steps") {
      options.steps_max = static_cast<std::int64_t>(value);
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

int run(const Options& options) {
  std::set<std::string> missing(kProbes.begin(), kProbes.end());
  std::map<std::string, std::int64_t> faults;
  double simulated_hours = 0.0;
  Outcome outcome;
  int broken = 0;
  for (std::uint64_t seed = options.from; seed < options.from + options.count; ++seed) {
    outcome = simulate(seed, options.steps_max);
    if (outcome.broken) {
      ++broken;
      std::printf("seed %llu broken %s\n", static_cast<unsigned long long>(seed),
                  outcome.broken->c_str());
    }
    for (const std::string& probe : outcome.probes)
      missing.erase(probe);
    for (const auto& [name, count] : outcome.faults)
      faults[name] += count;
    simulated_hours += static_cast<double>(outcome.simulated_ms) / 3'600'000.0;
  }
  for (const auto& [name, count] : faults) {
    std::printf("%8lld %s\n", static_cast<long long>(count), name.c_str());
  }
  if (options.count > 1) {
    for (const std::string& probe : missing)
      std::printf("never reached: %s\n", probe.c_str());
  }
  std::printf("%.1f simulated hours, last seed %lld steps\n", simulated_hours,
              static_cast<long long>(outcome.steps));
  std::printf("%016llx\n", static_cast<unsigned long long>(outcome.hash));
  return broken > 0 ? 1 : 0;
}

}  // namespace
}  // namespace plateau::simulation

int main(int argc, char** argv) {
  plateau::simulation::Options options;
  if (!plateau::simulation::parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: plateau-sim --seed N [--steps M] | --from N --count K\n");
    return 2;
  }
  return plateau::simulation::run(options);
}
