// Tables as the user lays them out: rows, columns, filters, aggregates, sorting, columns beside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/cells.h"
#include "coordinator/results/results.h"
#include "coordinator/results/table.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<Table> table_with(const RunView& run, const TableSpec& spec) {
  const auto part = filtered(run, spec.where);
  if (!part) return part.error();
  return build_table(summarise(*part, {spec.metric, spec.split}), spec);
}

std::string markdown_with(const RunView& run, const TableSpec& spec) {
  const auto table = table_with(run, spec);
  return table ? markdown(*table) : "error: " + table.error().message;
}

RunView two_tasks() {
  RunBuilder builder;
  for (const char* task : {"tweets", "news"}) {
    const double shift = task == std::string("news") ? 0.1 : 0.0;
    builder.add({"lora", 1, {0.80 + shift, 0.82 + shift}, task, 0.003, 1000});
    builder.add({"lora", 4, {0.84 + shift, 0.86 + shift}, task, 0.003, 4000});
    builder.add({"dora", 1, {0.78 + shift, 0.80 + shift}, task, 0.003, 1500});
    builder.add({"dora", 4, {0.86 + shift, 0.88 + shift}, task, 0.003, 4500});
  }
  return builder.run;
}

TEST(Layout, several_tasks_have_an_average_and_a_missing_value_none) {
  RunBuilder builder;
  builder.run = two_tasks();
  builder.end(15, TrialState::kFailed, "x");
  const std::string text = markdown_with(builder.run, {});
  EXPECT_THAT(text, HasSubstr("| tweets: accuracy (%) ↑ | news: accuracy (%) ↑ | Average ↑ |"));
  EXPECT_THAT(text, HasSubstr("| 79.0 ± 1.4 | 89.0 ± 1.4 | 84.0 ± 1.4 | 2 |"));
  EXPECT_THAT(text, HasSubstr("| **87.0** ± 1.4 | 96.0 (1/2, 1 failed) | – | 2 |"));
}

TEST(Layout, ranks_can_be_columns) {
  TableSpec spec;
  spec.rows = {"task", "adapter"};
  spec.columns = {"rank"};
  const std::string text = markdown_with(two_tasks(), spec);
  EXPECT_THAT(text, HasSubstr("| Task | Adapter | r=1: accuracy (%) ↑ | r=4: accuracy (%) ↑ |"));
  EXPECT_THAT(text, HasSubstr("| tweets | LoRA | **81.0** ± 1.4 | <u>85.0</u> ± 1.4 | 2 |"));
}

TEST(Layout, nothing_is_averaged_in_silence) {
  TableSpec spec;
  spec.rows = {"adapter"};
  EXPECT_THAT(markdown_with(two_tasks(), spec),
              HasSubstr("they differ in rank. Make it a row or a column"));
  spec.where = {{"rank", {"4"}}};
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("| LoRA | "));
}

TEST(Layout, aggregates) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.82, 0.87}});
  TableSpec spec;
  // Mean 83, deviation 3.606; half of the interval: 4.303 * 3.606 / sqrt(3).
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("83.0 ± 3.6"));
  spec.aggregate = Aggregate::kStudent;
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("83.0 ± 9.0"));
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("Student's t"));
  spec.aggregate = Aggregate::kMedian;
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("82.0 \\[80.0, 87.0\\]"));
  spec.aggregate = Aggregate::kBootstrap;
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("83.0 \\[80.0, 87.0\\]"));
  EXPECT_EQ(markdown_with(builder.run, spec), markdown_with(builder.run, spec));
}

TEST(Layout, filters_name_what_is_not_there) {
  TableSpec spec;
  spec.where = {{"rank", {"5"}}};
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("has rank 5; there are 1, 4"));
  spec.where = {{"rnak", {"4"}}};
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("has a 'rnak' to filter by"));
  spec.where = {{"learning_rate", {"3e-3"}}, {"task", {"news"}}};
  EXPECT_THAT(markdown_with(two_tasks(), spec), Not(HasSubstr("tweets")));
  Filters filters;
  EXPECT_TRUE(add_filter("rank=4,16", filters));
  EXPECT_EQ(filters.at("rank"), (std::vector<std::string>{"4", "16"}));
  EXPECT_FALSE(add_filter("rank", filters));
  EXPECT_FALSE(add_filter("=4", filters));
}

TEST(Layout, a_filter_on_ranks_leaves_baselines) {
  TableSpec spec;
  spec.where = {{"rank", {"4"}}};
  EXPECT_THAT(markdown_with(quickstart_run(), spec), HasSubstr("Majority class"));
  spec.where = {{"adapter", {"lora"}}};
  EXPECT_THAT(markdown_with(quickstart_run(), spec), Not(HasSubstr("Majority class")));
}

TEST(Layout, sorting_and_columns_beside) {
  TableSpec spec;
  spec.sort = "-average";
  spec.show = {Show::kParams,   Show::kTime, Show::kMemory, Show::kBaseMemory,
               Show::kGpuHours, Show::kSize, Show::kAverage};
  const std::string text = markdown_with(two_tasks(), spec);
  const auto first = text.find("| DoRA | 4 |");
  ASSERT_NE(first, std::string::npos);
  EXPECT_LT(first, text.find("| LoRA | 4 |"));
  EXPECT_LT(text.find("| LoRA | 4 |"), text.find("| LoRA | 1 |"));
  // 4 trials of 12.5 s on what is no GPU; 300 MB; four bytes a parameter, of the base too.
  EXPECT_THAT(text, HasSubstr("| Params | Time (s) | Peak memory (MiB) | Base (MiB) | "
                              "Device-hours | Size"));
  EXPECT_THAT(text, HasSubstr("| 4,500 | 12.5 | 286 | 86.6 | 0.0139 | 0.0172 |"));
  EXPECT_THAT(text, HasSubstr("base is the frozen model in memory"));
  spec.sort = "nonsense";
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("cannot sort by 'nonsense'"));
}

TEST(Layout, hours_are_called_gpu_hours_on_gpus) {
  RunBuilder builder;
  builder.run = two_tasks();
  for (TrialRow& row : builder.run.trials)
    row.device_name = "cuda:0";
  TableSpec spec;
  spec.show = {Show::kGpuHours};
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("| GPU-hours |"));
}

// Ten seeds, all one way: two comparisons reach 2 * 2 / 1024.
TEST(Layout, what_is_not_significant_is_marked) {
  RunBuilder builder;
  std::vector<double> best;
  std::vector<double> near;
  std::vector<double> far;
  for (int seed = 0; seed < 10; ++seed) {
    best.push_back(0.80 + 0.002 * seed);
    near.push_back(best.back() + (seed % 2 == 0 ? 0.004 : -0.008));
    far.push_back(best.back() - 0.05);
  }
  builder.add({"lora", 1, best});
  builder.add({"lora", 2, near});
  builder.add({"lora", 4, far});
  const std::string text = markdown_with(builder.run, {});
  EXPECT_THAT(text, HasSubstr("**80.9** ± 0.6 |"));
  EXPECT_THAT(text, ::testing::ContainsRegex("<u>80.7</u> ± [0-9.]+ ≈ ."));
  EXPECT_THAT(text, HasSubstr("| 75.9 ± 0.6 |"));
  EXPECT_THAT(text, HasSubstr("≈: not significantly different from the best"));
}

TEST(Layout, too_few_seeds_are_said_and_nothing_is_marked) {
  const std::string text = markdown_with(two_tasks(), {});
  EXPECT_THAT(text, HasSubstr("2 seeds cannot reach p = 0.05"));
  EXPECT_THAT(text, Not(HasSubstr("≈")));
}

TEST(Layout, a_collapsed_run_is_flagged_and_takes_no_mark) {
  RunBuilder builder;
  builder.add({"majority", 0, {0.57}});
  builder.add({"lora", 1, {0.30, 0.31}});
  builder.add({"lora", 4, {0.90, 0.50}});
  builder.add({"lora", 16, {0.60, 0.61}});
  const std::string text = markdown_with(builder.run, {});
  EXPECT_THAT(text, HasSubstr("30.5 ± 0.7 (collapsed)"));
  EXPECT_THAT(text, HasSubstr("70.0 ± 28.3 (1 collapsed)"));
  EXPECT_THAT(text, HasSubstr("**60.5**"));
  EXPECT_THAT(text, HasSubstr("LoRA r=1 seed 0 (30.0 is below chance (57.0))"));
}

TEST(Layout, unparseable_answers_collapse_a_run) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.81}});
  builder.row(1).metrics.push_back({"test", "unparsed", 200, 0.6});
  EXPECT_THAT(markdown_with(builder.run, {}), HasSubstr("60.0 % of the answers unparseable"));
}

TEST(Layout, another_metric_and_split) {
  TableSpec spec;
  spec.metric = "loss";
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("tweets: loss ↓"));
  spec.metric.clear();
  spec.split = "validation";
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("Metric on the validation split"));
  EXPECT_THAT(markdown_with(two_tasks(), spec), HasSubstr("80.0 ± 1.4"));
  spec = {};
  spec.metric = "bleu";
  const auto text = table_text(two_tasks(), {spec}, TableFormat::kMarkdown);
  EXPECT_THAT(text.error().message, HasSubstr("has 'bleu' on the test split; there are "));
}

TEST(Layout, two_protocols_are_marked_apart_or_refused) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.81}});
  builder.add({"lora", 4, {0.84, 0.85}});
  builder.add({"dora", 1, {0.90, 0.91}});
  builder.add({"dora", 4, {0.88, 0.87}});
  for (std::size_t i = 4; i < 8; ++i)
    change(builder.row(i), [&](Trial& trial) { trial.protocol.checkpoint = "best"; });
  builder.refresh_keys();
  TableSpec spec;
  const std::string text = markdown_with(builder.run, spec);
  EXPECT_THAT(text, HasSubstr("| Protocol |"));
  EXPECT_THAT(text, HasSubstr("Protocols: a: test metric of the best of 2 checkpoints"));
  EXPECT_THAT(text, HasSubstr("**84.5**"));  // the best of its own protocol
  EXPECT_THAT(text, HasSubstr("**90.5**"));
  spec.refuse_mixed_protocols = true;
  EXPECT_THAT(markdown_with(builder.run, spec), HasSubstr("would mix 2 protocols"));
}

TEST(Report, tables_come_from_the_sweep) {
  RunView run = two_tasks();
  run.sweep_report = nlohmann::json::parse(R"({"tables": [
      {"name": "main", "title": "Both tasks", "aggregate": "t95"},
      {"name": "ranks", "rows": ["task", "adapter"], "columns": "rank", "show": ["seeds"],
       "where": {"rank": [1, 4], "adapter": "lora"}}]})");
  const auto specs = table_specs(run.sweep_report);
  ASSERT_TRUE(specs.ok()) << specs.error().message;
  ASSERT_EQ(specs->size(), 2u);
  const auto text = table_text(run, *specs, TableFormat::kMarkdown);
  EXPECT_THAT(*text, HasSubstr("## main\n"));
  EXPECT_THAT(*text, HasSubstr("## ranks\n"));
  EXPECT_THAT(*text, HasSubstr("r=4: accuracy"));
  const auto json = table_text(run, *specs, TableFormat::kJson);
  EXPECT_EQ(nlohmann::json::parse(*json).size(), 2u);
}

TEST(Report, mistakes_are_named_with_their_place) {
  const auto message = [](const char* text) {
    const auto specs = table_specs(nlohmann::json::parse(text));
    return specs ? std::string("fine") : specs.error().message;
  };
  EXPECT_THAT(message(R"({"tables": [{"agregate": "t95"}]})"),
              HasSubstr("report.tables[0]: 'agregate' is no key of a table"));
  EXPECT_THAT(message(R"({"tables": [{"aggregate": "t59"}]})"),
              HasSubstr("report.tables[0].aggregate: 't59' is not one of"));
  EXPECT_THAT(message(R"({"tables": [{"name": "../up"}]})"), HasSubstr("becomes a file name"));
  EXPECT_THAT(message(R"({"tables": [{"name": "a"}, {"name": "a"}]})"), HasSubstr("two tables"));
  EXPECT_THAT(message(R"({"tables": []})"), HasSubstr("at least one table"));
  EXPECT_EQ(message(R"({"select": {"over": ["learning_rate"]}})"), "fine");
}

TEST(Efficiency, ratios_at_equal_metric_and_the_claim) {
  const auto text = efficiency_text(quickstart_run(), TableFormat::kMarkdown);
  ASSERT_TRUE(text.ok());
  // The best that both reach is LoReFT's 87.4 at rank 16; LoRA has 87.5 at its smallest, 22,000.
  EXPECT_THAT(*text, HasSubstr("| LoRA | LoReFT | 87.4 | 22,000 | 147,648 | ≥ 6.7 |"));
  EXPECT_THAT(*text, HasSubstr("the other way round here"));
  EXPECT_THAT(*text, HasSubstr("| LoReFT | 1 | 9,228 | 0.0352 | 86.6 | 85.6 ± 0.7 | yes |"));
  const auto json = nlohmann::json::parse(*efficiency_text(quickstart_run(), TableFormat::kJson));
  EXPECT_EQ(json["ratios"].size(), 3u);
  EXPECT_EQ(json["points"][0]["base_bytes"], 90'852'864);
  EXPECT_TRUE(json["ratios"][1]["first_at_smallest"]);
}

// LoReFT has its best of 86 at 10,000; LoRA reaches that at its second size, `params`.
std::string claim_with(std::int64_t params, std::size_t seeds, double smallest_loreft = 0.80) {
  RunBuilder builder;
  const auto values = [&](double mean) {
    std::vector<double> all;
    for (std::size_t seed = 0; seed < seeds; ++seed)
      all.push_back(mean + 0.001 * static_cast<double>(seed));
    return all;
  };
  builder.add({"lora", 1, values(0.70), "tweets", 0.003, params / 2});
  builder.add({"lora", 4, values(0.86), "tweets", 0.003, params});
  builder.add({"loreft", 1, values(smallest_loreft), "tweets", 0.003, 5000});
  builder.add({"loreft", 4, values(0.86), "tweets", 0.003, 10'000});
  return *efficiency_text(builder.run, TableFormat::kMarkdown);
}

TEST(Efficiency, the_claim_is_answered_only_by_enough_seeds_and_never_by_a_bound) {
  EXPECT_THAT(claim_with(200'000, 5), HasSubstr("against LoRA on tweets: within 10 to 50 (20.0, "));
  EXPECT_THAT(claim_with(50'000, 5), HasSubstr("tweets: below 10 (5.0, "));
  EXPECT_THAT(claim_with(900'000, 5), HasSubstr("tweets: above 50 (90.0, "));
  EXPECT_THAT(claim_with(200'000, 4), HasSubstr("tweets: open, 4 seeds are too few (20.0, "));
  // LoReFT's smallest is better than the level: it might need far less than 5,000.
  EXPECT_THAT(claim_with(40'000, 5, 0.87), HasSubstr("tweets: open, only a lower bound (≥ 8.0, "));
}

}  // namespace
}  // namespace plateau::results
