// Named fragments and `extends`.
#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;

TEST(Fragments, own_keys_win_then_the_last_fragment) {
  const SweepPlan made = plan(R"(
fragments:
  short: {epochs: 1, batch_size: 8, learning_rate: 0.1}
  wide: {batch_size: 32}
parameters:
  extends: [short, wide]
  base: minilm
  task: tweets
  adapter: lora
  rank: 4
  learning_rate: {values: [0.2, 0.3]}
)");
  EXPECT_EQ(column(made, "/optimizer/epochs"), (std::vector<nlohmann::json>{1.0, 1.0}));
  EXPECT_EQ(column(made, "/optimizer/batch_size"), (std::vector<nlohmann::json>{32, 32}));
  EXPECT_EQ(column(made, "/optimizer/learning_rate"), (std::vector<nlohmann::json>{0.2, 0.3}));
}

TEST(Fragments, at_the_top_sections_are_merged_key_by_key_and_parameters_taken_whole) {
  const SweepPlan made = plan(R"(
extends: study
fragments:
  study:
    parameters: {base: minilm, task: tweets, rank: {value: 4}, epochs: 2}
    adapters: {lora: {extends: rates}, dora: {extends: rates, dropout: 0.1}}
  rates: {learning_rate: [1e-3, 1e-2]}
parameters:
  rank: {values: [1, 2]}
adapters: {lora: {learning_rate: 0.5}}
)");
  EXPECT_EQ(made.trial_count, 2 * 1 + 2 * 2);  // lora has its one rate, dora both of `rates`
  EXPECT_EQ(column(made, "/optimizer/epochs")[0], 2);
}

TEST(Fragments, a_value_knows_its_line_and_its_fragment) {
  const SweepPlan made = plan(
      "fragments:\n  short:\n    epochs: 1\nparameters: {extends: short, base: minilm, task: "
      "tweets, adapter: lora, rank: 4}\n");
  const Place place = made.trials[0].origins.find("epochs")->place;
  EXPECT_EQ(place.text(), "s.yaml:3:13");
  EXPECT_EQ(place.fragment, "short");
  EXPECT_EQ(made.trials[0].origins.find("rank")->place.fragment, "");
}

TEST(Fragments, overrides_win_and_unused_ones_are_told) {
  const SweepPlan made = plan(
      "fragments: {a: {epochs: 1}, b: {epochs: 2}}\nparameters: {extends: a, base: minilm, task: "
      "tweets, adapter: lora, rank: 4}\n",
      {"epochs=3"});
  EXPECT_EQ(column(made, "/optimizer/epochs")[0], 3);
  ASSERT_EQ(made.notices.size(), 1u);
  EXPECT_EQ(made.notices[0], "s.yaml:1:29: the fragment 'b' is extended by nothing");
}

TEST(Fragments, that_grow_without_bound_are_refused) {
  std::string text = "fragments:\n  f0: {epochs: 1}\n";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "{extends: f" + std::to_string(i - 1) + "}";
    text += "  f" + std::to_string(i) + ": {a: " + below + ", b: " + below + "}\n";
  }
  EXPECT_NE(mistakes(text + "parameters: {extends: f39}\n")
                .find("over 100,000 values after `extends`; this is no sweep"),
            std::string::npos);
}

}  // namespace
}  // namespace plateau
