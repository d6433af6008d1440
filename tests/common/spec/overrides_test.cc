#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;
using Json = nlohmann::json;

const char* const kSweep = R"(
parameters:
  base: minilm
  task: tweets
  adapter: [lora, loreft]
  rank: [1, 2]
  opt: {parameters: {epochs: 3}}
adapters:
  lora: {learning_rate: 1e-3, alpha: 2 * rank}
  loreft: {learning_rate: 4e-3}
)";

TEST(Overrides, take_the_place_of_the_files_values) {
  const SweepPlan made = plan(kSweep, {"rank=4,8,16", "seed=range(2)", "epochs=5"});
  EXPECT_EQ(made.trial_count, 2 * 3 * 2);
  EXPECT_EQ(trial_label(made.trials[0].trial()), "tweets-lora-r4-lr0.001-s0");
  EXPECT_EQ(made.trials[0].trial().optimizer.epochs, 5);
  EXPECT_EQ(made.trials[0].origins.find("rank")->place.text(), "override rank=4,8,16");
}

TEST(Overrides, without_an_adapter_hold_for_all_adapters) {
  EXPECT_EQ(column(plan(kSweep, {"learning_rate=0.5"}), "/optimizer/learning_rate"),
            (std::vector<Json>{0.5, 0.5, 0.5, 0.5}));
}

TEST(Overrides, of_one_adapter_leave_the_others) {
  EXPECT_EQ(column(plan(kSweep, {"lora.learning_rate=0.5", "rank=1"}), "/optimizer/learning_rate"),
            (std::vector<Json>{0.5, 0.004}));
  EXPECT_EQ(column(plan(kSweep, {"adapters.loreft.positions=f2", "rank=1"}),
                   "/adapter/parameters/positions"),
            (std::vector<Json>{nullptr, "f2"}));
  EXPECT_EQ(column(plan(kSweep, {"tasks.tweets.max_length=16", "rank=1"}), "/task/max_length"),
            (std::vector<Json>{16, 16}));
}

TEST(Overrides, may_be_expressions_and_lists) {
  EXPECT_EQ(column(plan(kSweep, {"adapter=lora", "alpha=rank * 10"}), "/adapter/parameters/alpha"),
            (std::vector<Json>{10.0, 20.0}));
  EXPECT_EQ(column(plan(kSweep, {"adapter=lora", "rank=1", "target_modules=[query, value]"}),
                   "/adapter/parameters/target_modules"),
            (std::vector<Json>{{"query", "value"}}));
}

TEST(Overrides, reach_the_top_of_the_file) {
  const Sweep sweep = read(kSweep, {"name=pilot", "baselines=majority,probe", "resources.pack=2",
                                    "tasks_folder=data", "max_trials=3"})
                          .value();
  EXPECT_EQ(sweep.name, "pilot");
  EXPECT_EQ(sweep.baselines.size(), 2u);
  EXPECT_EQ(sweep.resources.pack, 2);
  EXPECT_EQ(sweep.tasks_folder, "/cwd/data");
  EXPECT_EQ(sweep.search.budgets.max_trials, 3);
}

TEST(Overrides, paths_start_where_the_command_was_given) {
  EXPECT_EQ(read(kSweep, {"task=./mine"}).value().tasks.at("mine").path, "/cwd/mine");
}

TEST(Overrides, mistakes_name_the_override) {
  EXPECT_EQ(mistakes(kSweep, {"rank"}),
            "override rank: an override is key=value, such as rank=1,2,4");
  EXPECT_EQ(mistakes(kSweep, {"rank="}),
            "override rank=: rank has no values, so the sweep is empty; give at least one");
  EXPECT_EQ(mistakes(kSweep, {"rank=x"}).substr(0, 30), "override rank=x: rank is 'x'; ");
  EXPECT_EQ(mistakes(kSweep, {"lr=1"}).substr(0, 68),
            "override lr=1: unknown parameter 'lr'. Did you mean 'learning_rate'?");
}

}  // namespace
}  // namespace plateau
