#include "coordinator/search/sweep_space.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/search/propose.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Aborts on a mistake: for sweeps that are right.
Sweep read(const std::string& text) {
  return plateau::testing::read(text).value();
}

std::string head() {
  return plateau::testing::kHead;
}

const char* const kStudy =
    "  adapter: [lora, loreft, dora]\n  rank: [16, 1, 4]\n"
    "  positions: {values: [f1, l1], when: adapter == loreft}\n"
    "  dropout: {values: [0, 0.1], when: adapter == lora and rank > 1}\n"
    "  learning_rate: 1e-3\n  seed: [0, 1]\n  alpha: 2 * rank\n"
    "adapters:\n  dora:\n    rank: [2, 8]\n    learning_rate: [1e-4, 1e-3]\n";

TEST(SweepSpace, dimensions_are_the_definitions_with_a_choice) {
  const Result<SweepSpace> space = SweepSpace::of(read(head() + kStudy));
  ASSERT_TRUE(space) << space.error().message;
  std::vector<std::string> names;
  for (const Dimension& dimension : space->space().dimensions)
    names.push_back(dimension.name);
  EXPECT_THAT(names, ElementsAre("adapter", "rank", "positions", "dora.rank", "dropout",
                                 "dora.learning_rate"));
}

// The expansion of grids is the judge: a point is one cell, and what exists in the point is what
// the cell got from the file.
TEST(SweepSpace, a_point_is_one_cell_and_all_points_are_the_grid) {
  const Sweep sweep = read(head() + kStudy);
  const Result<SweepSpace> space = SweepSpace::of(sweep);
  ASSERT_TRUE(space);
  const Result<SweepPlan> grid = expand(sweep, plateau::testing::sources());
  ASSERT_TRUE(grid) << grid.error().message;
  std::set<Digest> expected;
  for (const PlannedTrial& trial : grid->trials)
    expected.insert(trial.keys.trial);

  std::set<Digest> seen;
  History history;
  while (const auto proposal = propose(space->space(), history, {Method::kSobol, 1, 10})) {
    const Sweep one = space->at(proposal->point);
    const Result<SweepPlan> made = expand(one, plateau::testing::sources());
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->cell_count, 1);
    EXPECT_EQ(made->trial_count, 2);
    for (const PlannedTrial& trial : made->trials)
      EXPECT_TRUE(seen.insert(trial.keys.trial).second);
    const auto& origins = made->trials.front().origins;
    const nlohmann::json values = space->values(proposal->point);
    for (const auto& [name, value] : values.items())
      EXPECT_TRUE(origins.find(name.substr(name.find('.') + 1))) << name;
    history.push_back({proposal->point, Running{}});
  }
  EXPECT_EQ(seen, expected);
}

Sweep with_distribution(const char* name, Distribution distribution) {
  Sweep sweep = read(head() + "  adapter: lora\n  rank: 4\n  learning_rate: 1e-3\n");
  for (SweepParameter& parameter : sweep.parameters) {
    if (parameter.name == name) {
      parameter.values.clear();
      parameter.distribution = distribution;
    }
  }
  return sweep;
}

TEST(SweepSpace, a_distribution_is_searched_by_its_shares) {
  const Sweep sweep = with_distribution("learning_rate", {LogUniform{1e-5, 1e-1}});
  const Result<SweepSpace> space = SweepSpace::of(sweep);
  ASSERT_TRUE(space);
  EXPECT_NEAR(space->values({0.5})["learning_rate"].get<double>(), 1e-3, 1e-9);
  const Result<SweepPlan> made = expand(space->at({0.25}), plateau::testing::sources());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_NEAR(made->trials[0].trial().optimizer.learning_rate, 1e-4, 1e-10);
}

TEST(SweepSpace, whole_numbers_and_multiples_are_levels_with_their_mass) {
  const Result<SweepSpace> ranks = SweepSpace::of(with_distribution("rank", {LogUniform{1, 8}}));
  ASSERT_TRUE(ranks);
  const auto& ordered = std::get<Ordered>(ranks->space().dimensions[0].kind);
  ASSERT_EQ(ordered.upper.size(), 8U);
  EXPECT_NEAR(ordered.upper[0], std::log(1.5) / std::log(8), 1e-9);
  EXPECT_EQ(ranks->values({7.0})["rank"], 8);
  Distribution rounded{Uniform{0, 0.5}};
  rounded.quantum = 0.25;
  const Result<SweepSpace> three = SweepSpace::of(with_distribution("learning_rate", rounded));
  EXPECT_THAT(std::get<Ordered>(three->space().dimensions[0].kind).upper,
              ElementsAre(0.25, 0.75, 1.0));
}

TEST(SweepSpace, nothing_to_search_over_is_an_error_that_says_what_to_do) {
  const Result<SweepSpace> none = SweepSpace::of(read(head() + "  adapter: lora\n  rank: 4\n"));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("take the method grid"));
}

TEST(SweepSpace, points_are_stored_to_the_last_bit) {
  const Result<SweepSpace> space = SweepSpace::of(read(head() + kStudy));
  Random random(4);
  for (int i = 0; i < 20; ++i) {
    const Point point = random_point(space->space(), random);
    EXPECT_EQ(point_from_json(space->space(), nlohmann::json::parse(to_json(point).dump())), point);
  }
  EXPECT_FALSE(point_from_json(space->space(), nlohmann::json::array({1, 2})));
}

}  // namespace
}  // namespace plateau::search
