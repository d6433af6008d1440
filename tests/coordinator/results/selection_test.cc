#include "coordinator/results/selection.h"

#include <gtest/gtest.h>

#include "coordinator/results/notes.h"
#include "coordinator/results/table.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

const nlohmann::json kOverRate = {
    {"select", {{"over", {"learning_rate"}}, {"split", "validation"}}}};

// Validation is wanted apart from test: the rate that is best on test is not the one chosen.
RunBuilder three_rates() {
  RunBuilder builder;
  builder.run.sweep_report = kOverRate;
  builder.add({"lora", 4, {0.90, 0.90}, "tweets", 0.001});
  builder.add({"lora", 4, {0.85, 0.87}, "tweets", 0.003});
  builder.add({"lora", 4, {0.80, 0.80}, "tweets", 0.01});
  for (std::size_t i : {0u, 1u})
    builder.row(i).metrics[0].value = 0.70;
  for (std::size_t i : {2u, 3u})
    builder.row(i).metrics[0].value = 0.75;
  for (std::size_t i : {4u, 5u})
    builder.row(i).metrics[0].value = 0.60;
  return builder;
}

TEST(Selection, chooses_on_validation_and_reports_test) {
  const Summary summary = summarise(three_rates().run);
  ASSERT_EQ(summary.cells.size(), 1u);
  EXPECT_EQ(summary.cells[0].learning_rate, 0.003);
  EXPECT_NEAR(*summary.cells[0].mean, 0.86, 1e-12);
  EXPECT_EQ(summary.not_selected.size(), 2u);
  EXPECT_TRUE(summary.setting_names.empty());
  EXPECT_EQ(summary.selection->groups, 1u);
  EXPECT_EQ(summary.selection->candidates, 3u);
  EXPECT_TRUE(summary.selection->at_edge.empty());
}

TEST(Selection, names_a_choice_at_the_edge_of_the_grid) {
  RunBuilder builder = three_rates();
  for (std::size_t i : {0u, 1u})
    builder.row(i).metrics[0].value = 0.80;
  const Summary summary = summarise(builder.run);
  ASSERT_EQ(summary.cells.size(), 1u);
  EXPECT_EQ(summary.cells[0].learning_rate, 0.001);
  EXPECT_EQ(summary.selection->at_edge, std::vector<std::string>{"LoRA r=4 on tweets"});
  EXPECT_NE(learning_rate_notes(summary)[0].find("At the edge"), std::string::npos);
}

TEST(Selection, an_incomplete_candidate_is_not_chosen) {
  RunBuilder builder = three_rates();
  builder.end(3, TrialState::kFailed, "crashed");
  EXPECT_EQ(summarise(builder.run).cells.at(0).learning_rate, 0.001);
}

TEST(Selection, without_a_complete_candidate_all_are_shown) {
  RunBuilder builder = three_rates();
  for (std::size_t i : {1u, 3u, 5u})
    builder.end(i, TrialState::kQueued);
  const Summary summary = summarise(builder.run);
  EXPECT_EQ(summary.cells.size(), 3u);
  EXPECT_EQ(summary.selection->open, std::vector<std::string>{"LoRA r=4 on tweets"});
}

TEST(Selection, without_a_request_every_cell_stays) {
  RunBuilder builder = three_rates();
  builder.run.sweep_report = nullptr;
  const Summary summary = summarise(builder.run);
  EXPECT_EQ(summary.cells.size(), 3u);
  EXPECT_FALSE(summary.selection.has_value());
}

TEST(Selection, each_rank_chooses_for_itself) {
  RunBuilder builder = three_rates();
  builder.add({"lora", 16, {0.95, 0.95}, "tweets", 0.003});
  builder.add({"lora", 16, {0.96, 0.96}, "tweets", 0.01});
  const Summary summary = summarise(builder.run);
  ASSERT_EQ(summary.cells.size(), 2u);
  EXPECT_EQ(summary.cells[0].learning_rate, 0.003);
  EXPECT_EQ(summary.cells[1].learning_rate, 0.01);
  // Rates that were chosen per cell need no warning about one rate for all ranks.
  for (const std::string& note : learning_rate_notes(summary)) {
    EXPECT_EQ(note.find("Warning"), std::string::npos) << note;
  }
}

}  // namespace
}  // namespace plateau::results
