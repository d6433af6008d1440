#include "coordinator/results/summary.h"

#include <gtest/gtest.h>

#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

const Cell& cell_of(const Summary& summary, const std::string& method, std::int64_t rank) {
  for (const Cell& cell : summary.cells) {
    if (cell.method == method && cell.rank.value_or(0) == rank) return cell;
  }
  ADD_FAILURE() << "no cell of " << method << " rank " << rank;
  return summary.cells.front();
}

TEST(Summary, mean_and_deviation_are_over_seeds_with_n_minus_one) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80, 0.86, 0.92}});
  const Summary summary = summarise(builder.run);
  const Cell& cell = cell_of(summary, "lora", 4);
  EXPECT_NEAR(*cell.mean, 0.86, 1e-15);
  // Deviations -0.06, 0, 0.06: sqrt(0.0072 / 2) = 0.06; with n it would be 0.049.
  EXPECT_NEAR(*cell.standard_deviation, 0.06, 1e-15);
}

TEST(Summary, one_seed_has_no_deviation) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80}});
  const Summary summary = summarise(builder.run);
  EXPECT_TRUE(cell_of(summary, "lora", 4).mean.has_value());
  EXPECT_FALSE(cell_of(summary, "lora", 4).standard_deviation.has_value());
}

TEST(Summary, a_missing_seed_is_counted_and_never_averaged) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80, 0.86, 0.92, 0.10}});
  builder.end(1, TrialState::kDiverged, "loss is nan");
  builder.end(2, TrialState::kFailed, "crashed three times");
  // A value that a stopped trial reported on its way is no result.
  builder.row(3).state = TrialState::kStopped;
  const Summary summary = summarise(builder.run);
  const Cell& cell = cell_of(summary, "lora", 4);
  EXPECT_EQ(cell.planned(), 4u);
  EXPECT_EQ(cell.with_value(), 1u);
  EXPECT_EQ(cell.count(TrialState::kDiverged), 1u);
  EXPECT_EQ(cell.count(TrialState::kFailed), 1u);
  EXPECT_EQ(cell.count(TrialState::kStopped), 1u);
  EXPECT_EQ(*cell.mean, 0.80);
  EXPECT_FALSE(cell.complete());
}

TEST(Summary, finished_without_the_metric_is_no_value) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80, 0.86}});
  builder.row(1).metrics = {{"test", "loss", 200, 0.4}};
  const Summary summary = summarise(builder.run);
  EXPECT_EQ(cell_of(summary, "lora", 4).with_value(), 1u);
}

TEST(Summary, counts_come_from_finished_trials) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80, 0.86}, "tweets", 0.003, 5000});
  builder.end(0, TrialState::kFailed, "crashed");
  builder.row(1).train_seconds = 20.0;
  const Summary summary = summarise(builder.run);
  const Cell& cell = cell_of(summary, "lora", 4);
  EXPECT_EQ(*cell.adapter_parameters, 5000);
  EXPECT_EQ(*cell.head_parameters, 1155);
  EXPECT_EQ(*cell.base_parameters, 22'713'216);
  EXPECT_EQ(*cell.train_seconds, 20.0);
}

TEST(Summary, cells_are_ordered_baselines_first_then_methods_then_ranks) {
  RunBuilder builder;
  builder.add({"loreft", 1, {0.8}});
  builder.add({"lora", 16, {0.8}});
  builder.add({"lora", 2, {0.8}});
  builder.add({"probe", 0, {0.7}});
  builder.add({"majority", 0, {0.5}});
  std::string order;
  for (const Cell& cell : summarise(builder.run).cells) {
    order += cell.method + std::to_string(cell.rank.value_or(0)) + " ";
  }
  EXPECT_EQ(order, "majority0 probe0 lora2 lora16 loreft1 ");
}

TEST(Summary, only_settings_that_tell_rows_apart_become_columns) {
  // alpha follows the rank and the rate follows the adapter: neither is a column.
  RunBuilder builder;
  builder.add({"lora", 1, {0.8}, "tweets", 0.003});
  builder.add({"lora", 4, {0.8}, "tweets", 0.003});
  builder.add({"loreft", 1, {0.8}, "tweets", 0.01});
  EXPECT_TRUE(summarise(builder.run).setting_names.empty());

  const std::size_t more = builder.add({"lora", 4, {0.9}});
  change(builder.row(more), [&](Trial& trial) { trial.optimizer.epochs = 4; });
  change(builder.row(more),
         [&](Trial& trial) { trial.micro_batch_size = 8; });  // changes no number
  builder.refresh_keys();
  const Summary summary = summarise(builder.run);
  EXPECT_EQ(summary.setting_names, std::vector<std::string>{"optimizer.epochs"});
  EXPECT_EQ(summary.cells.size(), 4u);
  EXPECT_EQ(curves(summary).size(), 3u);
  EXPECT_EQ(curves(summary)[0].label, "LoRA, epochs 2");
  EXPECT_EQ(curves(summary)[0].cells.size(), 2u);
}

TEST(Summary, scale_follows_rslora) {
  RunBuilder builder;
  builder.add({"lora", 16, {0.8}});
  change(builder.row(0), [&](Trial& trial) { trial.adapter.parameters["rslora"] = true; });
  builder.refresh_keys();
  const Summary summary = summarise(builder.run);
  EXPECT_EQ(*summary.cells[0].alpha, 32.0);
  EXPECT_EQ(*summary.cells[0].scale, 8.0);  // 32 / sqrt(16); without rslora it is 2
}

TEST(Summary, of_two_values_of_a_metric_the_later_step_counts) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80}});
  builder.row(0).metrics.insert(builder.row(0).metrics.begin(), {"test", "accuracy", 300, 0.9});
  EXPECT_EQ(*summarise(builder.run).cells[0].mean, 0.9);
}

TEST(Summary, a_note_is_about_the_task_when_every_finished_trial_has_it) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.8, 0.8, 0.8}});
  builder.end(0, TrialState::kFailed, "x");  // a trial without a result says nothing
  builder.row(1).notes = {"12 duplicates dropped", "this trial only"};
  builder.row(2).notes = {"12 duplicates dropped"};
  EXPECT_EQ(summarise(builder.run).tasks[0].notes,
            std::vector<std::string>{"12 duplicates dropped"});
}

TEST(Summary, an_empty_run_is_empty) {
  const Summary summary = summarise(RunView{});
  EXPECT_TRUE(summary.cells.empty());
  EXPECT_TRUE(curves(summary).empty());
}

}  // namespace
}  // namespace plateau::results
