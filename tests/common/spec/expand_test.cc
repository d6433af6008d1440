#include <gtest/gtest.h>

#include "common/spec/estimate.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;
using Json = nlohmann::json;

TEST(Expand, every_cell_gets_its_first_seed_before_any_gets_its_second) {
  const SweepPlan made =
      plan(std::string(kHead) + "  adapter: [lora, dora]\n  rank: [1, 4]\n  seed: [7, 8]\n");
  EXPECT_EQ(labels(made),
            (std::vector<std::string>{"tweets-lora-r1-lr0.001-s7", "tweets-lora-r4-lr0.001-s7",
                                      "tweets-dora-r1-lr0.001-s7", "tweets-dora-r4-lr0.001-s7",
                                      "tweets-lora-r1-lr0.001-s8", "tweets-lora-r4-lr0.001-s8",
                                      "tweets-dora-r1-lr0.001-s8", "tweets-dora-r4-lr0.001-s8"}));
  EXPECT_EQ(made.cell_count, 4);
  EXPECT_EQ(made.trial_count, 8);
}

TEST(Expand, a_parameter_exists_only_where_the_adapter_has_it) {
  const SweepPlan made = plan(std::string(kHead) +
                              "  adapter: [lora, loreft]\n  rank: 1\n"
                              "  rslora: [true, false]\n  positions: [f1, f2, f3]\n");
  EXPECT_EQ(made.trial_count, 2 + 3);
}

TEST(Expand, qlora_means_a_base_in_four_bits) {
  const SweepPlan made = plan(std::string(kHead) + "  adapter: [lora, qlora]\n  rank: 1\n");
  EXPECT_EQ(column(made, "/base/quantization"), (std::vector<Json>{"none", "nf4"}));
  const SweepPlan both =
      plan(std::string(kHead) + "  adapter: dora\n  rank: 1\n  quantization: [none, nf4]\n");
  EXPECT_EQ(column(both, "/base/quantization"), (std::vector<Json>{"none", "nf4"}));
  EXPECT_NE(both.trials[0].keys.trial, both.trials[1].keys.trial);
}

TEST(Expand, quantization_that_cannot_be_has_its_place) {
  const std::string head = kHead;
  EXPECT_EQ(mistakes(head + "  adapter: qlora\n  rank: 1\n  quantization: none\n"),
            "s.yaml:6:17: qlora is LoRA on a base in four bits, and quantization is none; the "
            "adapter without it is lora");
  EXPECT_NE(mistakes(head + "  adapter: full\n  quantization: nf4\n").find("s.yaml:5:17: full"),
            std::string::npos);
  Sources gguf = sources();
  gguf.bases["minilm"].facts.in_blocks = true;
  const auto expanded = [&](const std::string& text) {
    return expand(read(head + text).value(), gguf);
  };
  EXPECT_NE(expanded("  adapter: lora\n  rank: 1\n  quantization: nf4\n")
                .error()
                .message.find("is a GGUF file"),
            std::string::npos);
  const auto plan = expanded("  adapter: qlora\n  rank: 1\n");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->trials[0].trial().base.quantization, "none");
}

TEST(Expand, when_takes_cells_away) {
  const SweepPlan mapping =
      plan(std::string(kHead) +
           "  adapter: [lora, dora]\n  rank: [1, 4]\n"
           "  dropout: {values: [0, 0.1], when: {adapter: lora, rank: [4]}}\n");
  EXPECT_EQ(mapping.trial_count, 5);
  const SweepPlan text = plan(std::string(kHead) +
                              "  dropout: {values: [0, 0.1], when: adapter == lora and rank > 1}\n"
                              "  adapter: [lora, dora]\n  rank: [1, 4]\n");
  EXPECT_EQ(text.trial_count, 5);
}

TEST(Expand, expressions_follow_their_parameters_whatever_the_order) {
  const SweepPlan made = plan(std::string(kHead) +
                              "  adapter: lora\n  alpha: 2 * rank\n  warmup_ratio: dropout / 2\n"
                              "  rank: [1, 8]\n  dropout: 0.5\n");
  EXPECT_EQ(column(made, "/adapter/parameters/alpha"), (std::vector<Json>{2.0, 16.0}));
  EXPECT_EQ(column(made, "/optimizer/warmup_ratio"), (std::vector<Json>{0.25, 0.25}));
}

TEST(Expand, an_expression_that_is_whole_fits_a_whole_number) {
  const SweepPlan made =
      plan(std::string(kHead) + "  adapter: lora\n  rank: 4\n  batch_size: 64 / rank\n");
  EXPECT_EQ(made.trials[0].trial().optimizer.batch_size, 16);
}

TEST(Expand, zipped_values_go_together) {
  const SweepPlan made = plan(std::string(kHead) +
                              "  adapter: lora\n  rank: [1, 2, 4]\n"
                              "  learning_rate: [3e-3, 2e-3, 1e-3]\n  epochs: [1, 2]\n"
                              "zip: [rank, learning_rate]\n");
  EXPECT_EQ(made.trial_count, 6);
  EXPECT_EQ(column(made, "/adapter/parameters/rank"), (std::vector<Json>{1, 1, 2, 2, 4, 4}));
  EXPECT_EQ(column(made, "/optimizer/learning_rate"),
            (std::vector<Json>{3e-3, 3e-3, 2e-3, 2e-3, 1e-3, 1e-3}));
}

TEST(Expand, two_zip_groups_are_two_axes) {
  const SweepPlan made = plan(std::string(kHead) +
                              "  adapter: lora\n  rank: [1, 2]\n  learning_rate: [1e-3, 2e-3]\n"
                              "  epochs: [1, 2, 3]\n  batch_size: [4, 8, 16]\n"
                              "zip: [[rank, learning_rate], [epochs, batch_size]]\n");
  EXPECT_EQ(made.trial_count, 6);
}

TEST(Expand, the_adapters_own_values_go_before_the_tasks_and_the_general_ones) {
  const SweepPlan made = plan(R"(
parameters: {base: minilm, task: [tweets, news], adapter: [lora, dora], rank: 1, epochs: 1}
tasks: {news: {epochs: 2}}
adapters: {dora: {epochs: [3, 4]}}
)");
  EXPECT_EQ(column(made, "/optimizer/epochs"), (std::vector<Json>{1.0, 3.0, 4.0, 2.0, 3.0, 4.0}));
}

TEST(Expand, the_same_trial_twice_is_planned_once) {
  const SweepPlan made = plan(
      std::string(kHead) + "  adapter: lora\n  rank: [4, 4]\n  alpha: [8, 8.0]\n  seed: [0, 0]\n");
  EXPECT_EQ(made.trial_count, 1);
  EXPECT_EQ(made.folded, 7);
  EXPECT_EQ(made.notices.back(), "7 trials were the same as others and are planned once");
}

TEST(Expand, baselines_come_last_and_once_for_each_data) {
  const SweepPlan made = plan(R"(
parameters: {base: minilm, task: [tweets, news], adapter: [lora, dora], rank: [1, 2], seed: [0, 1],
             max_length: [32, 64]}
baselines: [majority, probe]
)");
  EXPECT_EQ(made.trial_count, 32);
  EXPECT_EQ(made.cell_count, 16);
  // The majority class does not read the texts; a probe does, at both lengths.
  EXPECT_EQ(made.baseline_count, 2 + 4);
  ASSERT_EQ(made.trials.size(), 38u);
  EXPECT_TRUE(made.trials[32].is_baseline);
  EXPECT_EQ(trial_label(made.trials[32].trial()), "tweets-majority");
  EXPECT_EQ(made.trials[34].trial().adapter.parameters, Json({{"l2", 1e-3}}));
}

TEST(Expand, a_task_that_has_no_baseline_is_said) {
  Sources world = sources();
  world.tasks["news"].spec.kind = "causal_lm";
  world.tasks["news"].spec.metric = "perplexity";
  world.tasks["news"].spec.labels.clear();
  world.bases["minilm"].facts.model_type = "gpt2";
  const auto notices_of = [&](const std::string& baselines) {
    const Sweep sweep = read("parameters: {base: minilm, task: [tweets, news], adapter: lora, " +
                             std::string("rank: 1}\n") + baselines)
                            .value();
    const SweepPlan made = expand(sweep, world).value();
    EXPECT_EQ(made.baseline_count, baselines.empty() ? 0 : 1);
    return made.notices;
  };
  EXPECT_EQ(notices_of("baselines: [majority]\n"),
            (std::vector<std::string>{"no baseline for news: language modelling has no classes to "
                                      "guess; the row to compare with is the adapter `none`"}));
  EXPECT_TRUE(notices_of("").empty());
}

TEST(Expand, run_cap_keeps_the_first) {
  const SweepPlan made =
      plan(std::string(kHead) + "  adapter: lora\n  rank: [1, 2, 4]\n  seed: [0, 1]\nrun_cap: 4\n");
  EXPECT_EQ(labels(made),
            (std::vector<std::string>{"tweets-lora-r1-lr0.001-s0", "tweets-lora-r2-lr0.001-s0",
                                      "tweets-lora-r4-lr0.001-s0", "tweets-lora-r1-lr0.001-s1"}));
}

TEST(Expand, too_few_seeds_and_ranks_are_said) {
  const std::string sweep = std::string(kHead) + "  adapter: lora\n";
  EXPECT_EQ(plan(sweep + "  rank: [1, 4, 16]\n  seed: [0, 1]\n").warnings,
            (std::vector<std::string>{"2 seeds and 3 ranks are too few to show a plateau; five of "
                                      "each are a start"}));
  EXPECT_TRUE(plan(sweep + "  rank: [1, 2, 4, 8, 16]\n  seed: range(5)\n").warnings.empty());
  EXPECT_TRUE(plan(sweep + "  rank: 4\n").warnings.empty());
}

TEST(Expand, more_seeds_keep_the_keys_of_the_first) {
  const std::string sweep = std::string(kHead) + "  adapter: lora\n  rank: [1, 2]\n";
  const SweepPlan before = plan(sweep + "  seed: [0]\n");
  const SweepPlan after = plan(sweep + "  seed: [0, 1]\n");
  for (std::size_t i = 0; i < before.trials.size(); ++i)
    EXPECT_EQ(before.trials[i].keys.trial, after.trials[i].keys.trial);
}

TEST(Expand, the_resolved_sweep_holds_every_trial) {
  const Sweep sweep = read(std::string(kHead) + "  adapter: lora\n  rank: [1, 2]\n").value();
  const Json json = resolved_json(sweep, expand(sweep, sources()).value());
  EXPECT_EQ(json["format"], "plateau-sweep/1");
  ASSERT_EQ(json["trials"].size(), 2u);
  const Trial trial = trial_from_json(json["trials"][1]["trial"]).value();
  EXPECT_EQ(trial_key(trial), json["trials"][1]["key"]);
}

TEST(Expand, a_hundred_thousand_trials_take_seconds_not_minutes) {
  const SweepPlan made =
      plan(std::string(kHead) + "  adapter: lora\n  rank: range(1, 101)\n  seed: range(50)\n");
  EXPECT_EQ(made.trial_count, 5000);
}

TEST(Estimate, counts_tokens_and_operations) {
  const Sources world = sources();
  const SweepPlan made = plan(std::string(kHead) +
                              "  adapter: lora\n  rank: 1\n  train_size: 100\n  epochs: 2\n"
                              "  validation_size: 10\n  test_size: 20\n  evaluations: 3\n");
  const TrialEstimate estimate =
      estimate_trial(made.trials[0].trial(), world.bases.at("minilm"), world.tasks.at("tweets"));
  EXPECT_EQ(estimate.train_tokens, 100 * 2 * 64);
  EXPECT_EQ(estimate.evaluation_tokens, (10 * 3 + 20) * 64);
  const double matrices = 6.0 * (4 * 384 * 384 + 2 * 384 * 1536), adapter = 41'472;
  EXPECT_EQ(estimate.flops, estimate.train_tokens * (4 * matrices + 6 * adapter) +
                                estimate.evaluation_tokens * 2 * (matrices + adapter));
}

TEST(Expand, says_what_a_condition_leaves_out) {
  const SweepPlan made =
      plan(std::string(kHead) +
           "  adapter: [lora, dora, loreft]\n  rank: [1, 2]\n  dropout: {value: 0.1, when: adapter "
           "== lora}\n  rslora: {value: true, when: rank > 1}\n");
  ASSERT_EQ(made.notices.size(), 2u);
  EXPECT_EQ(made.notices[0],
            "s.yaml:6:3: 'dropout' is left out of 4 of 6 cells, where its `when` (adapter == lora) "
            "does not hold");
  // LoReFT has no rslora at all, which is no exclusion.
  EXPECT_EQ(made.notices[1],
            "s.yaml:7:3: 'rslora' is left out of 2 of 6 cells, where its `when` (rank > 1) does "
            "not hold");
}

}  // namespace
}  // namespace plateau
