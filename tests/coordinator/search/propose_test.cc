#include "coordinator/search/propose.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/search/spaces.h"

namespace plateau::search {
namespace {

History search(const Space& space, const Options& options, std::size_t trials) {
  History history;
  while (history.size() < trials) {
    const std::optional<Proposal> proposal = propose(space, history, options);
    if (!proposal) break;
    history.push_back({proposal->point, Finished{bowl(proposal->point)}});
  }
  return history;
}

double best(const History& history) {
  double least = 1e9;
  for (const Observation& observation : history)
    least = std::min(least, std::get<Finished>(observation.outcome).loss);
  return least;
}

class EveryMethod : public testing::TestWithParam<Method> {};

TEST_P(EveryMethod, answers_alike_for_the_same_seed_and_history) {
  const Options options{GetParam(), 7, 5};
  const History one = search(square(), options, 15);
  const History two = search(square(), options, 15);
  for (std::size_t i = 0; i < one.size(); ++i)
    EXPECT_EQ(one[i].point, two[i].point);
  EXPECT_NE(search(square(), {GetParam(), 8, 5}, 1)[0].point, one[0].point);
}

TEST_P(EveryMethod, proposes_each_point_of_a_small_space_once_and_then_ends) {
  const Space space = small_space();
  History history;
  std::set<Point> seen;
  while (const std::optional<Proposal> proposal = propose(space, history, {GetParam(), 3, 2})) {
    EXPECT_TRUE(seen.insert(proposal->point).second) << proposal->reason;
    EXPECT_EQ(proposal->point[1].has_value(), proposal->point[0] == 0.0);
    EXPECT_FALSE(proposal->reason.empty());
    ASSERT_LT(history.size(), 6U);
    history.push_back({proposal->point, Finished{static_cast<double>(history.size())}});
  }
  EXPECT_EQ(history.size(), 6U);
}

TEST_P(EveryMethod, goes_on_beside_trials_that_run_and_fail) {
  History history;
  for (int i = 0; i < 30; ++i) {
    const std::optional<Proposal> proposal =
        propose(conditional_space(), history, {GetParam(), 3, 4});
    ASSERT_TRUE(proposal);
    history.push_back({proposal->point, Running{}});
    if (i % 3 == 0) history[history.size() / 2].outcome = Failed{};
    if (i % 3 == 1) history[history.size() / 2].outcome = Finished{double(i % 7)};
    if (i % 7 == 1) history[history.size() / 3].outcome = Stopped{double(i % 5), 0.5};
  }
}

INSTANTIATE_TEST_SUITE_P(Search, EveryMethod,
                         testing::Values(Method::kRandom, Method::kSobol, Method::kTpe,
                                         Method::kBayes),
                         [](const auto& method) { return std::string(to_string(method.param)); });

// Paired by seed; random search's median best of 40 points in the square is about 0.005.
void expect_better_than_random(Method method) {
  int wins = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const double ours = best(search(square(), {method, seed, 8}, 40));
    wins += ours < best(search(square(), {Method::kRandom, seed, 8}, 40)) ? 1 : 0;
  }
  EXPECT_GE(wins, 16);
}

TEST(Propose, tpe_finds_a_lower_point_than_random_search) {
  expect_better_than_random(Method::kTpe);
}

TEST(Propose, the_gaussian_process_finds_a_lower_point_than_random_search) {
  expect_better_than_random(Method::kBayes);
}

TEST(Propose, says_what_it_is_based_on) {
  History history = search(square(), {Method::kTpe, 1, 4}, 4);
  history.push_back({{0.5, 0.5}, Running{}});
  EXPECT_EQ(propose(square(), history, {Method::kTpe, 1, 4})->reason,
            "the tree-structured Parzen estimator over 4 finished, 1 not ended");
  EXPECT_THAT(propose(square(), history, {Method::kTpe, 1, 9})->reason,
              testing::HasSubstr("point 5 of a Sobol sequence"));
}

}  // namespace
}  // namespace plateau::search
