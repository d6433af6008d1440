#include <set>

#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;

const char* const kSweep = R"(
name: study
parameters:
  base: minilm
  task: [tweets, news]
  adapter: [lora, loreft]
  rank: [1, 4, 64]
  seed: range(5)
  epochs: [3, 4]
  max_length: [64, 128, 256]
  train_size: [1000, 2000, 4000]
tasks: {news: {train_size: [2000, 4000, 8000]}}
adapters: {lora: {learning_rate: [1e-3, 3e-3]}}
zip: [max_length, train_size]
select: learning_rate
baselines: [majority]
)";

TEST(Smoke, keeps_ranks_adapters_and_tasks_and_little_else) {
  const Sweep small = smoke(read(kSweep).value());
  EXPECT_EQ(small.name, "study-smoke");
  const SweepPlan made = expand(small, sources()).value();
  EXPECT_EQ(made.trial_count, 2 * 2 * 3);
  EXPECT_EQ(made.baseline_count, 2);
  std::set<std::string> ranks;
  for (const PlannedTrial& planned : made.trials) {
    const Trial trial = planned.trial();
    EXPECT_LE(trial.task.train_size, 48);
    EXPECT_LE(trial.task.max_length, 32);
    EXPECT_LE(trial.optimizer.epochs, 1);
    EXPECT_EQ(trial.seed, 0u);
    if (!planned.is_baseline) ranks.insert(trial.adapter.parameters["rank"].dump());
  }
  EXPECT_EQ(ranks.size(), 3u);
}

TEST(Smoke, shares_no_trial_with_the_real_sweep) {
  const SweepPlan small = expand(smoke(read(kSweep).value()), sources()).value();
  std::set<Digest> keys;
  for (const PlannedTrial& trial : plan(kSweep).trials)
    keys.insert(trial.keys.trial);
  for (const PlannedTrial& trial : small.trials)
    EXPECT_EQ(keys.count(trial.keys.trial), 0u);
}

}  // namespace
}  // namespace plateau
