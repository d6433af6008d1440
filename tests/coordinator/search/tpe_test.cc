#include "coordinator/search/tpe.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "coordinator/search/parzen.h"
#include "tests/coordinator/search/spaces.h"

namespace plateau::search {
namespace {

// The sum over levels and the integral over coordinates, by the midpoint rule.
double total_mass(const ParzenDensity& density) {
  double mass = 0;
  for (int rank = 0; rank < 4; ++rank)
    mass += std::exp(density.log_density({0.0, double(rank), std::nullopt}));
  for (int i = 0; i < 1000; ++i)
    mass += std::exp(density.log_density({1.0, std::nullopt, (i + 0.5) / 1000})) / 1000;
  return mass;
}

TEST(ParzenDensity, adds_up_to_one_over_a_conditional_space) {
  const Space space = conditional_space();
  EXPECT_NEAR(total_mass(ParzenDensity(space, {})), 1.0, 1e-9);
  const std::vector<Weighted> points = {{{0.0, 3.0, std::nullopt}},
                                        {{1.0, std::nullopt, 0.02}, 0.25},
                                        {{1.0, std::nullopt, 0.6}},
                                        {{0.0, 0.0, std::nullopt}, 3}};
  EXPECT_NEAR(total_mass(ParzenDensity(space, points)), 1.0, 1e-4);
}

TEST(ParzenDensity, samples_follow_the_density) {
  const Space space = conditional_space();
  const ParzenDensity density(space,
                              {{{0.0, 3.0, std::nullopt}, 0.5}, {{1.0, std::nullopt, 0.02}}});
  Random random(5);
  constexpr int kDraws = 20'000;
  std::map<int, int> ranks;
  int right_half = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Point point = density.sample(random);
    if (point[0] == 0.0) ++ranks[static_cast<int>(*point[1])];
    if (point[0] == 1.0 && *point[2] >= 0.5) ++right_half;
  }
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_NEAR(double(ranks[rank]) / kDraws,
                std::exp(density.log_density({0.0, double(rank), std::nullopt})), 0.015);
  }
  double mass = 0;
  for (int i = 500; i < 1000; ++i)
    mass += std::exp(density.log_density({1.0, std::nullopt, (i + 0.5) / 1000})) / 1000;
  EXPECT_NEAR(double(right_half) / kDraws, mass, 0.015);
}

std::vector<Point> points_of(const std::vector<Weighted>& weighted) {
  std::vector<Point> points;
  for (const Weighted& each : weighted)
    points.push_back(each.point);
  return points;
}

TEST(Split, the_best_are_good_and_stopped_ones_come_after_finished_ones) {
  History history;
  for (int i = 0; i < 11; ++i)
    history.push_back({{i / 20.0, 0.5}, Finished{20.0 - i}});
  history.push_back({{0.9, 0.9}, Stopped{-5.0, 0.5}});
  history.push_back({{0.8, 0.9}, Running{}});
  history.push_back({{0.7, 0.9}, Failed{}});
  const GoodAndBad parts = split(square(), history, {true, true});
  EXPECT_EQ(points_of(parts.good), (std::vector<Point>{{9 / 20.0, 0.5}, {10 / 20.0, 0.5}}));
  EXPECT_EQ(parts.bad.size(), 12U);
}

// A choice of three: the first two share x, of their own they have y and z; the third has w alone.
Space three_branches() {
  const auto at_most_second = [](const Point& point) { return *point[0] < 2; };
  const auto is = [](double level) {
    return [level](const Point& point) { return point[0] == level; };
  };
  return {{{"choice", equally_likely(3), {}},
           {"x", Continuous{}, at_most_second},
           {"y", Continuous{}, is(0)},
           {"z", Continuous{}, is(1)},
           {"w", Continuous{}, is(2)}}};
}

TEST(Split, points_of_another_branch_weigh_by_the_coordinates_in_common) {
  const Point first{0.0, 0.1, 0.2, std::nullopt, std::nullopt};
  const Point second{1.0, 0.3, std::nullopt, 0.4, std::nullopt};
  const Point third{2.0, std::nullopt, std::nullopt, std::nullopt, 0.5};
  const History history = {{second, Finished{2.0}},
                           {third, Finished{1.0}},
                           {first, Finished{3.0}},
                           {first, Running{}},
                           {second, Running{}}};
  const GoodAndBad parts = split(three_branches(), history, branch_of(first));
  // One of three coordinates is common to the first two. The best tenth of 1 + 1/9 is 1, rounded
  // up: the second's point does not fill it, so the first's is good too.
  EXPECT_EQ(points_of(parts.good), (std::vector<Point>{second, first}));
  EXPECT_NEAR(parts.good[0].weight, 1.0 / 9, 1e-12);
  EXPECT_EQ(parts.good[1].weight, 1.0);
  EXPECT_EQ(points_of(parts.bad), (std::vector<Point>{first, second}));
}

// Even where one branch holds all that is good, the others are looked at.
TEST(Tpe, draws_a_branch_of_the_good_ones_or_of_the_prior) {
  const Space space = three_branches();
  History history;
  Random points(4);
  for (int i = 0; i < 40; ++i) {
    const Point point = random_point(space, points);
    history.push_back({point, Finished{point[0] == 1.0 ? 0.0 : 1.0}});
  }
  constexpr int kTimes = 6000;
  std::map<double, int> drawn;
  Random random(9);
  for (int i = 0; i < kTimes; ++i)
    ++drawn[*draw_branch(space, history, random)[0]];
  EXPECT_NEAR(double(drawn[1]) / kTimes, 0.7 + 0.3 / 3, 0.03);
  EXPECT_NEAR(double(drawn[0]) / kTimes, 0.3 / 3, 0.02);
}

// The second branch has a chance of one in 10^9, and the only trials.
TEST(Tpe, proposes_in_a_branch_that_the_prior_hardly_has) {
  const Space space{{{"choice", Categorical{{1 - 1e-9, 1e-9}}, {}},
                     {"x", Continuous{}, [](const Point& point) { return point[0] == 1.0; }}}};
  const History history = {{{1.0, 0.5}, Finished{1.0}}, {{1.0, 0.6}, Finished{2.0}}};
  Random random(1);
  int inside = 0;
  for (int i = 0; i < 100; ++i)
    inside += tpe_candidate(space, history, random)[0] == 1.0 ? 1 : 0;
  EXPECT_NEAR(inside, 70, 20);
}

// Six points proposed in a row, each running while the next is chosen or (`told` false) not known
// of: how far they lie apart, summed over pairs.
double spread_of_six(const Space& space, History history, std::uint64_t seed, bool told) {
  Random random(seed);
  std::vector<Point> chosen;
  double apart = 0;
  for (int i = 0; i < 6; ++i) {
    const Point next = tpe_candidate(space, history, random);
    for (const Point& other : chosen)
      apart += std::hypot(*next[0] - *other[0], *next[1] - *other[1]);
    chosen.push_back(next);
    if (told) history.push_back({next, Running{}});
  }
  return apart;
}

// The constant liar: where a trial runs, the next one is less likely to go.
TEST(Tpe, keeps_away_from_what_is_running) {
  const Space space = square();
  Random points(3);
  History history;
  for (int i = 0; i < 20; ++i) {
    const Point point = random_point(space, points);
    history.push_back({point, Finished{bowl(point)}});
  }
  double alone = 0;
  double beside = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    alone += spread_of_six(space, history, seed, false);
    beside += spread_of_six(space, history, seed, true);
  }
  EXPECT_GT(beside, 1.1 * alone) << beside / alone;
}

}  // namespace
}  // namespace plateau::search
