#include "tests/simulation/simulation.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace plateau::simulation {
namespace {

// What reaches every probe. Sanitizers make a seed some times slower, so that their builds run
// fewer; the environment variable PLATEAU_SIMULATION_SEEDS asks for another number.
constexpr std::uint64_t kAllSeeds = 1000;
#ifdef PLATEAU_SANITIZED
constexpr std::uint64_t kSeeds = 100;
#else
constexpr std::uint64_t kSeeds = kAllSeeds;
#endif

std::uint64_t seeds() {
  const char* asked = std::getenv("PLATEAU_SIMULATION_SEEDS");
  return asked == nullptr ? kSeeds : std::strtoull(asked, nullptr, 10);
}

TEST(Simulation, every_sweep_ends_as_it_must_whatever_fails) {
  std::set<std::string> missing(kProbes.begin(), kProbes.end());
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
    const Outcome outcome = simulate(seed);
    ASSERT_FALSE(outcome.broken) << "seed " << seed << ": " << *outcome.broken
                                 << "\nAdd the seed to tests/simulation/failing_seeds.txt and run "
                                    "plateau-sim --seed "
                                 << seed;
    for (const std::string& probe : outcome.probes)
      missing.erase(probe);
  }
  if (seeds() < kAllSeeds) return;
  EXPECT_TRUE(missing.empty()) << missing.size() << " rare branches were never reached, the first: "
                               << *missing.begin();
}

TEST(Simulation, the_same_seed_decides_the_same) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = simulate(seed);
    const Outcome second = simulate(seed);
    EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
    EXPECT_EQ(first.steps, second.steps) << "seed " << seed;
  }
  EXPECT_NE(simulate(1).hash, simulate(2).hash);
}

// Seeds that once found a mistake, for ever.
TEST(Simulation, seeds_that_failed_once_pass) {
  const char* source = std::getenv("PLATEAU_SOURCE_DIR");
  if (source == nullptr) GTEST_SKIP() << "PLATEAU_SOURCE_DIR is not set: run it through ctest";
  std::ifstream file(std::string(source) + "/tests/simulation/failing_seeds.txt");
  ASSERT_TRUE(file) << "tests/simulation/failing_seeds.txt is missing";
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    const Outcome outcome = simulate(std::stoull(line));
    EXPECT_FALSE(outcome.broken) << "seed " << line << ": " << *outcome.broken;
  }
}

}  // namespace
}  // namespace plateau::simulation
