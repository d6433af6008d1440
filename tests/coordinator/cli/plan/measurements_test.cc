#include "coordinator/cli/measurements.h"

#include <fstream>

#include <gtest/gtest.h>

#include "coordinator/cli/plan_report.h"
#include "tests/coordinator/cli/plan/load.h"

namespace plateau::cli {
namespace {

using plateau::testing::TemporaryFolder;

LoadedSweep load_two(const std::string& more = "") {
  return load(
      "parameters: {base: minilm-l6, task: tweets-sentiment, adapter: [lora, loreft], rank: 4" +
      more + "}\n");
}

TrialEstimate estimate_of(const LoadedSweep& loaded, std::size_t index) {
  const Trial trial = loaded.plan.trials[index].trial();
  return estimate_trial(trial, loaded.sources.bases.at(trial.base.name),
                        loaded.sources.tasks.at(trial.task.name));
}

Measurement measured(const std::string& method, double flops, double seconds) {
  return {"/runs/a", "a CPU", "minilm-l6", method,  "float32", 1024,
          1,         1000,    flops,       seconds, 500 << 20, 1'700'000'000'000};
}

TEST(Measurements, a_run_is_summed_up_by_what_costs_alike) {
  const LoadedSweep loaded = load_two(", seed: [0, 1]");
  RunView run;
  for (std::size_t i = 0; i < loaded.plan.trials.size(); ++i) {
    TrialRow row;
    row.id = TrialId{static_cast<std::int64_t>(i) + 1};
    row.trial = loaded.plan.trials[i];
    row.state = TrialState::kFinished;
    row.device_name = "a CPU";
    row.train_tokens = 100;
    row.peak_memory_bytes = 1000 - static_cast<std::int64_t>(i);
    run.trials.push_back(row);
  }
  ASSERT_EQ(run.trials.size(), 4u);
  run.trials[3].reused_from = "trial 1 of another run";
  const std::map<TrialId, double> device_ms = {
      {TrialId{1}, 1000}, {TrialId{2}, 2000}, {TrialId{3}, 4000}, {TrialId{4}, 8000}};
  const auto taken = measure(run, device_ms, loaded.sources, "/runs/a", 7);
  ASSERT_EQ(taken.size(), 2u);  // lora twice, loreft once: the other one was not trained here
  EXPECT_EQ(taken[0].method, "lora");
  EXPECT_EQ(taken[0].trials, 2);
  EXPECT_DOUBLE_EQ(taken[0].device_seconds, 5);  // the first and the third: seeds go in rounds
  EXPECT_EQ(taken[0].train_tokens, 200);
  EXPECT_EQ(taken[0].peak_memory_bytes, 998);
  EXPECT_DOUBLE_EQ(taken[0].flops, 2 * estimate_of(loaded, 0).flops);
  EXPECT_EQ(taken[1].trials, 1);
  for (TrialRow& row : run.trials)
    row.state = TrialState::kStopped;
  EXPECT_TRUE(measure(run, device_ms, loaded.sources, "/runs/a", 7).empty());
}

TEST(Measurements, stay_in_the_cache_one_set_a_run) {
  const TemporaryFolder folder;
  EXPECT_TRUE(read_measurements(folder.path()).empty());
  ASSERT_TRUE(put_measurements(folder.path(), {measured("lora", 1e9, 2)}));
  Measurement other = measured("dora", 1e9, 3);
  other.run = "/runs/b";
  ASSERT_TRUE(put_measurements(folder.path(), {other}));
  ASSERT_TRUE(put_measurements(folder.path(), {measured("lora", 1e9, 4)}));  // It went on.
  std::ofstream(folder.path() / "measurements.jsonl", std::ios::app)
      << "{\"format\": \"plateau-measurement/2\"}\n{\"format\": \"plateau-measur";
  const std::vector<Measurement> known = read_measurements(folder.path());
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].run, "/runs/b");
  EXPECT_EQ(known[1].device_seconds, 4);
}

TEST(CostModel, a_plan_takes_what_its_adapter_took_else_what_its_base_did) {
  const LoadedSweep loaded = load_two();
  const double flops = estimate_of(loaded, 0).flops;
  const auto seconds = [&](const std::vector<Measurement>& known, std::size_t index) {
    return CostModel(known, loaded, {1e9, "assumed"})
        .seconds(loaded.plan.trials[index].trial(), estimate_of(loaded, index));
  };
  const std::vector<Measurement> lora = {measured("lora", flops, 10)};
  EXPECT_DOUBLE_EQ(seconds(lora, 0), 10);
  // LoReFT by the rate of LoRA, as long as nothing is known of itself.
  EXPECT_DOUBLE_EQ(seconds(lora, 1), 10 * estimate_of(loaded, 1).flops / flops);
  EXPECT_DOUBLE_EQ(seconds({lora[0], measured("loreft", flops, 20)}, 1),
                   20 * estimate_of(loaded, 1).flops / flops);
  Measurement other = measured("lora", flops, 10);
  other.precision = "bfloat16";
  EXPECT_DOUBLE_EQ(seconds({other}, 0), flops / 1e9);
}

TEST(CostModel, trials_of_a_like_size_tell_more_than_short_ones) {
  const LoadedSweep loaded = load_two();
  const double flops = estimate_of(loaded, 0).flops;
  const CostModel costs({measured("lora", flops / 100, 1), measured("lora", flops, 10)}, loaded);
  EXPECT_DOUBLE_EQ(costs.seconds(loaded.plan.trials[0].trial(), estimate_of(loaded, 0)), 10);
}

TEST(CostModel, the_newest_device_that_had_the_base_is_meant) {
  const LoadedSweep loaded = load_two();
  const double flops = estimate_of(loaded, 0).flops;
  Measurement gpu = measured("lora", flops, 1), other_base = measured("lora", flops, 2);
  gpu.device = "NVIDIA H100";
  other_base.device = "another CPU";
  other_base.base = "smollm2";
  const CostModel costs({measured("lora", flops, 10), gpu, other_base}, loaded);
  EXPECT_EQ(costs.source(loaded.plan.trials), "measured: 1 trials on NVIDIA H100");
  EXPECT_DOUBLE_EQ(costs.seconds(loaded.plan.trials[0].trial(), estimate_of(loaded, 0)), 1);
}

TEST(CostModel, plan_says_what_is_measured_and_what_is_not) {
  const LoadedSweep loaded = load_two();
  const Trial trial = loaded.plan.trials[0].trial();
  const auto& task = loaded.sources.tasks.at("tweets-sentiment");
  Measurement lora = measured("lora", estimate_of(loaded, 0).flops, 10);
  lora.peak_memory_bytes = 700'000'000;
  lora.tokens_at_once = 2048;
  EXPECT_EQ(CostModel({lora}, loaded).peak_memory(trial, task), std::nullopt);  // another batch
  TrialRow row;
  row.id = TrialId{1};
  row.trial = loaded.plan.trials[0];
  row.state = TrialState::kFinished;
  row.device_name = "a CPU";
  row.peak_memory_bytes = 700'000'000;
  RunView run;
  run.trials = {row};
  const CostModel costs(measure(run, {{TrialId{1}, 60'000}}, loaded.sources, "/runs/a", 7), loaded);
  const std::string text = plan_text(loaded, costs);
  EXPECT_NE(text.find("(measured: 1 trials on a CPU)"), std::string::npos) << text;
  EXPECT_NE(text.find("  700 MB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("; ~ estimated.\n"), std::string::npos) << text;
  const nlohmann::json json = plan_json(loaded, costs);
  EXPECT_EQ(json["rate"]["measured"], true);
  EXPECT_EQ(json["parameters"][0]["memory_bytes"], 700'000'000);
  EXPECT_EQ(json["parameters"][0]["memory_measured"], true);
  EXPECT_EQ(json["parameters"][1]["memory_measured"], false);
  EXPECT_GT(json["estimated_seconds"], 100);
}

}  // namespace
}  // namespace plateau::cli
