#include "coordinator/cli/plan_report.h"

#include <gtest/gtest.h>

#include "tests/coordinator/cli/plan/load.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

const char* const kSweep = R"(
parameters:
  base: minilm-l6
  task: tweets-sentiment
  adapter: [lora, loreft]
  rank: [1, 16]
  seed: [0, 1]
  learning_rate: [1e-3, 3e-3]
  alpha: 2 * rank
select: learning_rate
baselines: [probe]
)";

TEST(PlanReport, text_names_counts_parameters_and_denominator) {
  const std::string text = plan_text(load(kSweep), ComputeRate{1e9, "assumed for a test"});
  const auto has_line = [&](const std::string& start) {
    return text.find("\n" + start) != std::string::npos;
  };
  EXPECT_EQ(text.rfind("study: 16 trials in 8 cells, 1 baselines\n", 0), 0u);
  EXPECT_TRUE(has_line(
      "base       task              adapter       rank  cells  trials  trained  of base   head   "
      "memory\n"))
      << text;
  EXPECT_TRUE(has_line(
      "minilm-l6  tweets-sentiment  LoRA             1      2       4   41,472  0.184 %  1,155  ~"))
      << text;
  EXPECT_TRUE(
      has_line("minilm-l6  tweets-sentiment  LoRA            16      2       4  663,552  2.941 %  "
               "1,155  ~"));
  EXPECT_TRUE(
      has_line("minilm-l6  tweets-sentiment  LoReFT           1      2       4    9,228  0.041 %  "
               "1,155  ~"));
  EXPECT_TRUE(
      has_line("minilm-l6  tweets-sentiment  LoReFT          16      2       4  147,648  0.654 %  "
               "1,155  ~"));
  EXPECT_TRUE(
      has_line("minilm-l6  tweets-sentiment  Linear probe            -       1        0  0.000 %  "
               "1,155  ~"));
  EXPECT_NE(text.find("memory: of a trainer with one such trial, estimated.\n"), std::string::npos);
  EXPECT_NE(text.find("minilm-l6 has 22,565,376 frozen parameters."), std::string::npos);
  EXPECT_NE(text.find("Per cell, learning_rate is chosen on validation"), std::string::npos);
  EXPECT_NE(text.find("(assumed for a test)"), std::string::npos);
  EXPECT_NE(text.find("Warning: 2 seeds and 2 ranks are too few to show a plateau"),
            std::string::npos);
  EXPECT_NE(text.find("Note: seed is taken for replicates"), std::string::npos);
}

TEST(PlanReport, of_a_search_says_how_many_there_may_be_and_what_ends_it) {
  const LoadedSweep search = load(
      "method: random\nmax_trials: 40\nmax_time: 8h\nparameters: {base: minilm-l6, task: "
      "tweets-sentiment, adapter: lora, rank: [1, 2]}\nbaselines: majority\n");
  const std::string text = plan_text(search, {});
  EXPECT_EQ(text.substr(0, text.find('\n')), "study: a search of up to 40 trials, 1 baselines");
  EXPECT_NE(text.find("Ends early at max_trials 40 or max_time 8 h 00 m."), std::string::npos);
  const Json json = plan_json(search, {});
  EXPECT_EQ(json["trials"], 0);
  EXPECT_EQ(json["search"], true);
  EXPECT_TRUE(json["estimated_seconds"].is_null());
  EXPECT_EQ(json["budgets"], Json({{"max_trials", 40}, {"max_time_seconds", 28'800.0}}));
}

TEST(PlanReport, json_has_the_counts) {
  const Json json = plan_json(load(kSweep), ComputeRate{1e9, "assumed for a test"});
  EXPECT_EQ(json["trials"], 16);
  EXPECT_EQ(json["cells"], 8);
  EXPECT_EQ(json["baselines"], 1);
  EXPECT_EQ(json["parameters"][1]["adapter_parameters"], 663'552);
  EXPECT_EQ(json["rate"]["source"], "assumed for a test");
  EXPECT_EQ(json["rate"]["measured"], false);
  EXPECT_GT(json["parameters"][1]["memory_bytes"], 4e8);
  EXPECT_EQ(json["parameters"][1]["memory_measured"], false);
  const double slow = json["estimated_seconds"];
  EXPECT_GT(slow, 0);
  EXPECT_NEAR(plan_json(load(kSweep), ComputeRate{2e9, ""})["estimated_seconds"].get<double>(),
              slow / 2, 1e-6);
}

}  // namespace
}  // namespace plateau::cli
