#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;
using Json = nlohmann::json;

TEST(ReadSweep, everything_at_the_top) {
  const Sweep sweep = read(R"(
name: my-study
description: about ranks
method: grid
metric: {name: validation/accuracy, goal: maximize, target: 0.9}
parameters: {base: minilm, task: tweets, adapter: lora, rank: [1, 2], learning_rate: [1e-3, 1e-2]}
select: learning_rate
baselines: majority
replicate: seed
report: {title: Ranks}
resources: {pack: 4, devices: [cpu, "cuda:0"]}
run_cap: 100
)")
                          .value();
  EXPECT_EQ(sweep.name, "my-study");
  EXPECT_EQ(sweep.metric, "accuracy");
  EXPECT_TRUE(sweep.maximize);
  EXPECT_EQ(sweep.resources.pack, 4);
  EXPECT_EQ(sweep.resources.devices, (std::vector<std::string>{"cpu", "cuda:0"}));
  EXPECT_EQ(sweep.search.budgets.max_trials, 100);
  EXPECT_EQ(sweep.report, Json::parse(R"({"title": "Ranks",
      "select": {"over": ["learning_rate"], "split": "validation"}})"));
  EXPECT_TRUE(sweep.notices.empty());
}

TEST(ReadSweep, the_name_is_the_files_when_there_is_none) {
  EXPECT_EQ(read(std::string(kHead) + "  adapter: lora\n  rank: 1\n").value().name, "s");
}

// W&B's forms, with our names.
TEST(ReadSweep, a_wandb_sweep_reads_unchanged) {
  const std::string text = R"(
program: train.py
project: peft
command: ["${env}", "${program}"]
method: grid
metric: {name: eval/accuracy, goal: maximize}
parameters:
  base: {value: minilm}
  task: {value: tweets}
  adapter: {values: [lora, dora], distribution: categorical}
  opt:
    parameters:
      learning_rate: {values: [0.001, 0.01], probabilities: [0.3, 0.7]}
      weight_decay: {value: 0, distribution: constant}
  rank: {min: 1, max: 3}
  seed: {values: [0, 1]}
)";
  const SweepPlan made = plan(text);
  EXPECT_EQ(made.trial_count, 2 * 2 * 3 * 2);
  ASSERT_EQ(made.notices.size(), 5u);
  EXPECT_EQ(made.notices[0],
            "learning_rate.probabilities is not used: a grid takes every value once");
  EXPECT_EQ(made.notices[1], "s.yaml:2:1: 'program' has no meaning here and is passed over");
  EXPECT_EQ(made.notices[4],
            "seed is taken for replicates of a cell: mean and deviation are over "
            "it (`replicate: seed` says so)");
}

TEST(ReadSweep, shorthands_are_value_and_values) {
  const auto short_form =
      plan(std::string(kHead) + "  adapter: lora\n  rank: [1, 2]\n  seed: range(1, 7, 2)\n");
  const auto long_form = plan(R"(
parameters:
  base: {value: minilm}
  task: {values: [tweets]}
  adapter: {value: lora}
  rank: {values: [1, 2]}
  seed: {values: [1, 3, 5]}
)");
  EXPECT_EQ(labels(short_form), labels(long_form));
  EXPECT_EQ(short_form.trial_count, 6);
}

TEST(ReadSweep, sections_name_adapters_and_tasks) {
  const SweepPlan made = plan(R"(
parameters: {base: minilm, rank: 2}
tasks:
  tweets: {max_length: 32}
  news: {}
adapters:
  lora:
  loreft: {positions: f3}
)");
  EXPECT_EQ(labels(made),
            (std::vector<std::string>{"tweets-lora-r2-lr0.001-s0", "tweets-loreft-r2-lr0.001-s0",
                                      "news-lora-r2-lr0.001-s0", "news-loreft-r2-lr0.001-s0"}));
  EXPECT_EQ(column(made, "/task/max_length"), (std::vector<Json>{32, 32, 64, 64}));
  EXPECT_EQ(column(made, "/adapter/parameters/positions"),
            (std::vector<Json>{nullptr, "f3", nullptr, "f3"}));
}

TEST(ReadSweep, local_bases_and_tasks_are_references) {
  const Sweep sweep = read(R"(
parameters:
  base: [minilm, ./models/bert, {path: /abs/bert, name: other}]
  task:
    values:
      - ../data/sst2
      - {path: rows.csv, labels: [no, 1], columns: {text: body}, metric: f1}
      - /abs/cola/
  adapter: lora
  rank: 1
)")
                          .value();
  EXPECT_EQ(sweep.bases.at("minilm").path, "");
  EXPECT_EQ(sweep.bases.at("bert").path, "/folder/models/bert");
  EXPECT_EQ(sweep.bases.at("other").path, "/abs/bert");
  EXPECT_EQ(sweep.tasks.at("sst2").path, "/data/sst2");
  EXPECT_EQ(sweep.tasks.at("cola").path, "/abs/cola/");
  EXPECT_EQ(sweep.tasks.at("rows").path, "/folder/rows.csv");
  EXPECT_EQ(sweep.tasks.at("rows").options,
            Json::parse(R"({"labels": ["no", "1"], "columns": {"text": "body"}, "metric": "f1"})"));
}

TEST(ReadSweep, tasks_folder_holds_tasks_by_name) {
  const Sweep sweep = read(R"(
tasks_folder: ../glue
tasks: {cola: {path: cola, metric: matthews}}
parameters: {base: minilm, task: [cola, sst2], adapter: lora, rank: 1}
)")
                          .value();
  EXPECT_EQ(sweep.tasks_folder, "/glue");
  EXPECT_EQ(sweep.tasks.at("cola").path, "/glue/cola");
  EXPECT_EQ(sweep.tasks.at("sst2").path, "");
}

}  // namespace
}  // namespace plateau
