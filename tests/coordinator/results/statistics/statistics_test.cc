// Against SciPy and statsmodels on recorded inputs (record.py), to 1e-6; and by hand where a number
// can be counted on paper.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "coordinator/results/statistics/intervals.h"
#include "coordinator/results/statistics/paired.h"

namespace plateau::statistics {
namespace {

using Json = nlohmann::json;
constexpr double kTolerance = 1e-6;

const Json& recorded() {
  static const Json json = [] {
    const auto text = read_file(PLATEAU_RECORDED);
    return text ? Json::parse(*text) : Json();
  }();
  return json;
}

const Json& cases(const char* name) {
  const Json& all = recorded().at(name);
  EXPECT_FALSE(all.empty());
  return all;
}

TEST(Recorded, t_intervals_and_one_sided_tests) {
  for (const Json& one : cases("t")) {
    const auto values = one["values"].get<std::vector<double>>();
    EXPECT_NEAR(mean(values), one["mean"], kTolerance);
    EXPECT_NEAR(standard_deviation(values), one["deviation"], kTolerance);
    const Interval interval = t_interval(values, one["confidence"]);
    EXPECT_NEAR(interval.low, one["low"], kTolerance) << one;
    EXPECT_NEAR(interval.high, one["high"], kTolerance) << one;
    EXPECT_NEAR(t_test_above(values, one["threshold"]), one["p_above"], kTolerance) << one;
  }
}

TEST(Recorded, power) {
  for (const Json& one : cases("power")) {
    EXPECT_NEAR(t_test_power(one["effect"], one["deviation"], one["count"], one["alpha"]),
                one["power"], kTolerance)
        << one;
  }
}

TEST(Recorded, bootstrap_with_given_resamples) {
  for (const Json& one : cases("bootstrap")) {
    const Interval interval =
        bootstrap_interval(one["values"], one["resamples"], one["confidence"]);
    EXPECT_NEAR(interval.low, one["low"], kTolerance);
    EXPECT_NEAR(interval.high, one["high"], kTolerance);
  }
}

TEST(Recorded, permutation_and_wilcoxon) {
  for (const Json& one : cases("paired")) {
    const auto differences = one["differences"].get<std::vector<double>>();
    EXPECT_NEAR(permutation_test(differences), one["permutation_p"], kTolerance) << one;
    const Wilcoxon wilcoxon = wilcoxon_signed_rank(differences);
    EXPECT_NEAR(wilcoxon.statistic, one["wilcoxon_statistic"], kTolerance) << one;
    EXPECT_NEAR(wilcoxon.p_value, one["wilcoxon_p"], kTolerance) << one;
  }
}

TEST(Recorded, holm_adjustment) {
  for (const Json& one : cases("holm")) {
    const auto adjusted = holm(one["p"]);
    ASSERT_EQ(adjusted.size(), one["adjusted"].size());
    for (std::size_t i = 0; i < adjusted.size(); ++i)
      EXPECT_NEAR(adjusted[i], one["adjusted"][i], kTolerance) << one;
  }
}

TEST(ByHand, five_pairs_reach_a_sixteenth_at_best) {
  const std::vector<double> all_better{0.1, 0.2, 0.3, 0.4, 0.5};
  EXPECT_DOUBLE_EQ(permutation_test(all_better), 0.0625);
  EXPECT_DOUBLE_EQ(wilcoxon_signed_rank(all_better).p_value, 0.0625);
  EXPECT_DOUBLE_EQ(smallest_p(5), 0.0625);
  EXPECT_DOUBLE_EQ(smallest_p(6), 0.03125);
  EXPECT_DOUBLE_EQ(smallest_p(0), 1.0);
}

TEST(ByHand, permutation_of_two_pairs) {
  // Sums 3, -1, 1, -3 for the differences 1 and 2: all but two are nearer than 3.
  EXPECT_DOUBLE_EQ(permutation_test({1, 2}), 0.5);
  EXPECT_DOUBLE_EQ(permutation_test({1, -2}), 1.0);
  EXPECT_DOUBLE_EQ(permutation_test({}), 1.0);
}

TEST(ByHand, many_pairs_are_drawn_and_near_the_truth) {
  std::vector<double> differences(24, 1.0);
  for (std::size_t i = 0; i < 6; ++i)
    differences[i] = -1.0;
  // 18 of 24: two-sided binomial p = 0.0226562.
  EXPECT_NEAR(permutation_test(differences), 0.0226562, 0.002);
}

TEST(ByHand, no_spread_leaves_no_doubt) {
  EXPECT_EQ(t_test_above({0.5, 0.5, 0.5}, 0.4), 0.0);
  EXPECT_EQ(t_test_above({0.5, 0.5, 0.5}, 0.5), 1.0);
}

TEST(ByHand, smallest_effect_and_count_turn_power_round) {
  const double effect = smallest_effect(0.7, 5, 0.05, 0.8);
  EXPECT_NEAR(t_test_power(effect, 0.7, 5, 0.05), 0.8, 1e-6);
  const std::size_t count = count_for_power(0.5, 0.7, 0.05, 0.8);
  EXPECT_GE(t_test_power(0.5, 0.7, count, 0.05), 0.8);
  EXPECT_LT(t_test_power(0.5, 0.7, count - 1, 0.05), 0.8);
  EXPECT_EQ(count_for_power(1e-6, 1.0, 0.05, 0.8, 100), 100u);
}

TEST(ByHand, percentile_interpolates) {
  EXPECT_DOUBLE_EQ(percentile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile({4, 1}, 1.0), 4.0);
  EXPECT_DOUBLE_EQ(percentile({7}, 0.3), 7.0);
}

TEST(ByHand, wins_ties_and_losses) {
  const WinTieLoss counts = win_tie_loss({0.2, 0.05, -0.05, -0.2, 0.0}, 0.1);
  EXPECT_EQ(counts.wins, 1u);
  EXPECT_EQ(counts.ties, 3u);
  EXPECT_EQ(counts.losses, 1u);
}

}  // namespace
}  // namespace plateau::statistics
