#include "coordinator/cli/search_ranges.h"

#include <gtest/gtest.h>

#include "coordinator/cli/plan_report.h"
#include "tests/coordinator/cli/plan/load.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

const ComputeRate kRate{1e9, "assumed for a test"};

// A search and the same sweep as a grid over the ends of what it draws from.
const char* const kHead = "parameters:\n  base: minilm-l6\n  task: tweets-sentiment\n";
LoadedSweep search(const std::string& parameters, const std::string& more = "max_trials: 40\n") {
  return load(kHead + parameters + "method: random\n" + more);
}
Json rows_of_grid(const std::string& parameters) {
  return plan_json(load(kHead + parameters), kRate)["parameters"];
}

TEST(SearchRanges, are_between_the_rows_of_a_grid_over_the_ends) {
  const Json ranges = plan_json(search("  adapter: [lora, loreft]\n  rank: {min: 2, max: 64}\n  "
                                       "batch_size: {values: [32, 8, 16]}\n"
                                       "  learning_rate: {min: 1e-4, max: 1e-2}\n"),
                                kRate)["ranges"]["trials"];
  const Json grid =
      rows_of_grid("  adapter: [lora, loreft]\n  rank: [2, 64]\n  batch_size: [8, 32]\n");
  ASSERT_EQ(ranges.size(), 2u);
  ASSERT_EQ(grid.size(), 4u);
  for (std::size_t adapter : {0u, 1u}) {
    const Json &range = ranges[adapter], &small = grid[2 * adapter], &large = grid[2 * adapter + 1];
    EXPECT_EQ(range["adapter"], small["adapter"]);
    EXPECT_EQ(range["rank"], Json({{"min", 2}, {"max", 64}}));
    EXPECT_EQ(range["adapter_parameters"]["min"], small["adapter_parameters"]);
    EXPECT_EQ(range["adapter_parameters"]["max"], large["adapter_parameters"]);
    EXPECT_EQ(range["share_of_base_percent"]["max"], large["share_of_base_percent"]);
    // A row of a grid has the most memory of its trials, which is that of the large batch.
    EXPECT_EQ(range["memory_bytes"]["max"], large["memory_bytes"]);
    EXPECT_LT(range["memory_bytes"]["min"], small["memory_bytes"]);
    EXPECT_EQ(range["memory_measured"], false);
  }
}

TEST(SearchRanges, of_time_are_those_of_the_shortest_and_the_longest_trial) {
  const std::string one = "  adapter: lora\n  rank: 4\n  train_size: 100\n";
  const auto seconds = [&](const std::string& epochs) {
    return plan_json(load(kHead + one + "  epochs: " + epochs + "\n"), kRate)["estimated_seconds"]
        .get<double>();
  };
  const Json ranges =
      plan_json(search(one + "  epochs: {min: 1, max: 5}\n", "max_trials: 40\nbaselines: probe\n"),
                kRate)["ranges"];
  EXPECT_NEAR(ranges["trials"][0]["seconds"]["min"], seconds("1"), 1e-9);
  EXPECT_NEAR(ranges["trials"][0]["seconds"]["max"], seconds("5"), 1e-9);
  const double probe =
      plan_json(load(kHead + one + "baselines: probe\n"), kRate)["estimated_seconds"]
          .get<double>() -
      seconds("1");
  EXPECT_GT(probe, 0);
  EXPECT_NEAR(ranges["estimated_seconds"]["min"], 40 * seconds("1") + probe, 1e-6);
  EXPECT_NEAR(ranges["estimated_seconds"]["max"], 40 * seconds("5") + probe, 1e-6);
}

TEST(SearchRanges, honour_conditions_and_expressions) {
  // With all modules at rank 2 alone, the largest trial is one of rank 64 on the queries.
  const Json ranges = plan_json(search("  adapter: lora\n  rank: {min: 2, max: 64}\n  "
                                       "target_modules: {value: [query], when: rank > 2}\n"
                                       "  alpha: 2 * rank\n"),
                                kRate)["ranges"]["trials"];
  const Json all = rows_of_grid("  adapter: lora\n  rank: 2\n");
  const Json query =
      rows_of_grid("  adapter: lora\n  rank: 64\n  target_modules: {value: [query]}\n");
  EXPECT_EQ(ranges[0]["adapter_parameters"]["min"], all[0]["adapter_parameters"]);
  EXPECT_EQ(ranges[0]["adapter_parameters"]["max"], query[0]["adapter_parameters"]);
}

TEST(SearchRanges, of_a_size_where_0_means_all_begin_above_it) {
  const auto seconds = [](const LoadedSweep& loaded) {
    return plan_json(loaded, kRate)["ranges"]["trials"][0]["seconds"];
  };
  const std::string one = "  adapter: lora\n  rank: [4, 8]\n";
  const Json with_all = seconds(search(one + "  train_size: {min: 0, max: 100}\n"));
  EXPECT_EQ(with_all["min"], seconds(search(one + "  train_size: 1\n"))["min"]);
  EXPECT_EQ(with_all["max"], seconds(search(one + "  train_size: 0\n"))["max"]);
}

TEST(SearchRanges, of_memory_know_micro_batches) {
  const auto memory = [](const std::string& micro_batch) {
    return plan_json(
        search("  adapter: lora\n  rank: [4, 8]\n  micro_batch_size: " + micro_batch + "\n"),
        kRate)["ranges"]["trials"][0]["memory_bytes"];
  };
  EXPECT_EQ(memory("[2, 16]")["min"], memory("2")["min"]);
  EXPECT_EQ(memory("[2, 16]")["max"], memory("16")["max"]);
  EXPECT_LT(memory("2")["max"], memory("16")["max"]);
}

TEST(SearchRanges, text_has_a_row_for_each_adapter_and_the_time_of_all_trials) {
  const std::string text =
      plan_text(search("  adapter: [lora, bitfit]\n  rank: {min: 1, max: 16}\n",
                       "max_trials: 40\nearly_terminate: {type: asha}\n"),
                kRate);
  EXPECT_NE(
      text.find("\nminilm-l6  tweets-sentiment  LoRA     1 to 16  41,472 to 663,552  0.184 to "
                "2.941  ~"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find(
          "\nminilm-l6  tweets-sentiment  BitFit                       25,728           0.114  "
          "       ~"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("minilm-l6 has 22,565,376 frozen parameters."), std::string::npos);
  EXPECT_NE(text.find(" for 40 trials, less what early_terminate saves (assumed for a test).\n"),
            std::string::npos)
      << text;
}

TEST(SearchRanges, without_a_number_of_trials_have_no_time_altogether) {
  const LoadedSweep endless = search("  adapter: lora\n  rank: [1, 2]\n", "max_time: 8h\n");
  EXPECT_TRUE(plan_json(endless, kRate)["ranges"]["estimated_seconds"].is_null());
  EXPECT_NE(plan_text(endless, kRate).find("nothing limits its trials"), std::string::npos);
}

TEST(SearchRanges, of_a_grid_there_are_none) {
  EXPECT_TRUE(plan_json(load(std::string(kHead) + "  adapter: lora\n  rank: 4\n"), kRate)["ranges"]
                  .is_null());
}

}  // namespace
}  // namespace plateau::cli
