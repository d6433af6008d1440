#include "coordinator/results/plateau_report.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/results/comparison.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;

// Five seeds, six ranks: 80 at rank 1, 84 at 2, 86 from 4 on; DoRA one point above everywhere.
RunBuilder long_run() {
  RunBuilder builder;
  builder.add({"majority", 0, {0.57}});
  for (const auto& [method, above] : {std::pair{"lora", 0.0}, std::pair{"dora", 0.01}}) {
    for (std::int64_t rank : {1, 2, 4, 8, 16, 32}) {
      const double mean = rank == 1 ? 0.80 : rank == 2 ? 0.84 : 0.86;
      std::vector<double> values;
      for (int seed = 0; seed < 5; ++seed) {
        values.push_back(mean + above + 0.002 * seed +
                         0.0002 * std::sin(static_cast<double>(seed + 3 * rank)));
      }
      builder.add({method, rank, values});
    }
  }
  return builder;
}

TEST(PlateauReport, margins_are_in_printed_units) {
  const Summary summary = summarise(long_run().run);
  const auto findings = *find_plateaus(summary, {0.5});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].adapter, "LoRA");
  EXPECT_EQ(findings[0].unit, "%");
  EXPECT_EQ(findings[0].result.answer, statistics::PlateauAnswer::kPlateau);
  EXPECT_EQ(findings[0].result.rank, 4);
  // Two points are lost from 4 to 2: with a margin of three, 2 passes and 1 (six points) fails.
  EXPECT_EQ(find_plateaus(summary, {3.0})->at(0).result.rank, 2);
  EXPECT_EQ(find_plateaus(summary, {7.0})->at(0).result.answer, statistics::PlateauAnswer::kFlat);
}

TEST(PlateauReport, a_cell_below_the_majority_class_has_collapsed) {
  RunBuilder builder = long_run();
  for (TrialRow& row : builder.run.trials) {
    if (row.trial.adapter->method == "lora" && row.trial.adapter->parameters["rank"] == 32) {
      for (MetricValue& metric : row.metrics)
        metric.value = 0.3;
    }
  }
  const Summary summary = summarise(builder.run);
  const auto findings = *find_plateaus(summary, {0.5});
  EXPECT_EQ(findings[0].result.collapsed, std::vector<std::int64_t>{32});
  EXPECT_EQ(findings[0].result.rank, 4);
  EXPECT_THAT(markdown(plateau_table(summary, findings, {0.5})),
              HasSubstr("left out: LoRA on tweets, r=32 seed 0 (30.0 is below chance (57.0))"));
}

TEST(PlateauReport, one_collapsed_run_leaves_only_its_pair_out) {
  RunBuilder builder = long_run();
  // The majority and 5 seeds each of 6 ranks: place 12 is LoRA at rank 4, seed 1.
  for (MetricValue& metric : builder.row(12).metrics)
    metric.value = 0.3;
  const Summary summary = summarise(builder.run);
  const auto left_out = *find_plateaus(summary, {0.5});
  EXPECT_EQ(left_out[0].result.answer, statistics::PlateauAnswer::kPlateau);
  EXPECT_EQ(left_out[0].result.rank, 4);
  ASSERT_GE(left_out[0].result.steps.size(), 3u);
  EXPECT_EQ(left_out[0].result.steps[2].rank, 4);
  EXPECT_EQ(left_out[0].result.steps[2].pairs, 4u);
  EXPECT_THAT(left_out[0].left_out[0], HasSubstr("r=4 seed 1 (30.0 is below chance (57.0))"));
  PlateauOptions keep{0.5};
  keep.keep_collapsed = true;
  // With it the mean of rank 4 falls by eleven points, and the steps stop above it.
  EXPECT_EQ((*find_plateaus(summary, keep))[0].result.rank, 8);
}

TEST(PlateauReport, a_method_without_ranks_can_be_the_reference) {
  RunBuilder builder = long_run();
  builder.add({"full", 0, {0.90, 0.902, 0.904, 0.906, 0.908}});
  const Summary summary = summarise(builder.run);
  PlateauOptions options{0.5};
  options.reference = "full";
  const auto findings = *find_plateaus(summary, options);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].reference, "Full fine-tuning");
  // 86 against 90: even the largest rank loses more than the margin.
  EXPECT_EQ(findings[0].result.answer, statistics::PlateauAnswer::kNoPlateau);
  options.reference = "nothing-like-it";
  EXPECT_EQ(find_plateaus(summary, options).error().kind, ErrorKind::kInvalidArgument);
}

TEST(PlateauReport, table_and_json_say_the_answer_and_its_weakness) {
  const Summary summary = summarise(quickstart_run());
  const auto findings = *find_plateaus(summary, {0.5});
  const std::string text = terminal(plateau_table(summary, findings, {0.5}), 100);
  EXPECT_THAT(text, HasSubstr("inconclusive"));
  EXPECT_THAT(text, HasSubstr("too few to show a plateau"));
  const auto json = nlohmann::json::parse(plateau_json(findings, {0.5}));
  EXPECT_EQ(json["findings"].size(), 3u);
  EXPECT_EQ(json["findings"][0]["answer"], "inconclusive");
  EXPECT_EQ(json["findings"][0]["steps"][0]["pairs"], 2);
}

TEST(PlateauReport, the_same_run_gives_the_same_bytes) {
  const Summary summary = summarise(long_run().run);
  EXPECT_EQ(plateau_json(*find_plateaus(summary, {0.5}), {0.5}),
            plateau_json(*find_plateaus(summary, {0.5}), {0.5}));
}

TEST(Comparison, pairs_by_task_and_seed_over_shared_ranks) {
  const auto all = compare_adapters(summarise(long_run().run));
  ASSERT_EQ(all.size(), 1u);
  const Comparison& one = all[0];
  EXPECT_EQ(one.first, "LoRA");
  EXPECT_EQ(one.second, "DoRA");
  ASSERT_EQ(one.differences.size(), 5u);  // seeds, not seeds times ranks
  EXPECT_NEAR(one.mean, -1.0, 1e-9);      // points
  EXPECT_EQ(one.cells.losses, 30u);
  EXPECT_EQ(one.cells.wins + one.cells.ties, 0u);
  // Five pairs, all one way: 2 / 32, and no more can be had.
  EXPECT_DOUBLE_EQ(one.permutation_p, 0.0625);
  EXPECT_DOUBLE_EQ(one.wilcoxon_p, 0.0625);
}

TEST(Comparison, items_pair_the_predictions_of_the_same_item_rank_and_seed) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.5, 0.5}});
  builder.add({"dora", 1, {0.5}});
  const ItemScores scores{{builder.row(0).id, {{"a", 100}, {"b", 0}, {"c", 100}}},
                          {builder.row(1).id, {{"a", 0}, {"b", 0}, {"c", 0}}},
                          {builder.row(2).id, {{"c", 0}, {"b", 0}, {"d", 100}}}};
  const auto all = compare_adapters(summarise(builder.run), scores);
  ASSERT_EQ(all.size(), 1u);
  // b and c of seed 0 are in both; a, d and seed 1 are not.
  EXPECT_EQ(all[0].differences, (std::vector<double>{0.0, 100.0}));
  EXPECT_EQ(all[0].cells.wins, 1u);
  EXPECT_EQ(all[0].cells.ties, 1u);
}

TEST(Comparison, adapters_are_ranked_over_tasks) {
  RunBuilder builder;
  for (int task = 0; task < 8; ++task) {
    const std::string name = "task-" + std::to_string(task);
    const double shift = 0.01 * task;
    builder.add({"lora", 4, {0.80 + shift, 0.81}, name});
    builder.add({"dora", 4, {0.80 + shift, 0.81}, name});
    builder.add({"loreft", 4, {0.70 + shift, 0.71}, name});
  }
  const auto ranking = rank_adapters(summarise(builder.run));
  ASSERT_TRUE(ranking.has_value());
  EXPECT_EQ(ranking->tasks, 8u);
  EXPECT_EQ(ranking->average_ranks, (std::vector<double>{1.5, 1.5, 3.0}));
  ASSERT_EQ(ranking->cliques.size(), 1u);  // 2 / 256 times three comparisons is below 0.05
  EXPECT_EQ(ranking->cliques[0], (std::vector<std::string>{"DoRA", "LoRA"}));
  EXPECT_FALSE(rank_adapters(summarise(quickstart_run())).has_value());  // one task
}

TEST(Comparison, too_few_pairs_are_said) {
  const Summary summary = summarise(quickstart_run());
  const auto all = compare_adapters(summary);
  ASSERT_EQ(all.size(), 3u);
  const std::string text = markdown(comparison_table(summary, all));
  EXPECT_THAT(text, HasSubstr("2 pairs and 3 comparisons cannot reach p = 0.05"));
  // Holm over three: 0.5 becomes 1.
  EXPECT_DOUBLE_EQ(all[0].permutation_holm, 1.0);
}

TEST(Comparison, ranks_that_only_one_has_do_not_count) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.5, 0.6}});
  builder.add({"lora", 64, {0.9, 0.9}});
  builder.add({"dora", 1, {0.5, 0.7}});
  builder.add({"loreft", 4, {0.5, 0.7}});
  const auto all = compare_adapters(summarise(builder.run));
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].differences.size(), 2u);
  EXPECT_NEAR(all[0].differences[0], 0.0, 1e-9);
  EXPECT_NEAR(all[0].differences[1], -10.0, 1e-9);
  EXPECT_EQ(all[0].cells.ties, 1u);
}

}  // namespace
}  // namespace plateau::results
