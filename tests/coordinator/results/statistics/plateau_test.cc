#include "coordinator/results/statistics/plateau.h"

#include <cmath>

#include <gtest/gtest.h>

#include "coordinator/results/statistics/hockey_stick.h"
#include "tests/coordinator/results/statistics/simulated_curves.h"

namespace plateau::statistics {
namespace {

// Means of each rank with the same small scatter in every seed, so that answers are certain.
PlateauQuestion question_of(const std::vector<std::pair<std::int64_t, double>>& means,
                            std::size_t seeds = 5) {
  PlateauQuestion question;
  question.margin = 0.5;
  for (std::size_t i = 0; i < means.size(); ++i) {
    RankCell cell{means[i].first, {}};
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      const double wobble = 0.05 * std::sin(static_cast<double>(7 * i + 3 * seed));
      cell.values.emplace_back(means[i].second + wobble + static_cast<double>(seed));
    }
    question.cells.push_back(cell);
  }
  return question;
}

TEST(Plateau, names_the_smallest_rank_that_loses_nothing) {
  const auto result = find_plateau(question_of({{1, 85}, {4, 87.4}, {16, 88}, {64, 88}}));
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.rank, 16);
  ASSERT_EQ(result.steps.size(), 2u);  // 16 passed, 4 failed, 1 was never asked
  EXPECT_EQ(result.steps[0].rank, 16);
  EXPECT_TRUE(result.steps[0].passed);
  EXPECT_EQ(result.steps[1].rank, 4);
  EXPECT_FALSE(result.steps[1].passed);
  EXPECT_NEAR(result.steps[1].loss, 0.6, 0.1);
}

TEST(Plateau, flat_growing_declining) {
  const auto flat = find_plateau(question_of({{1, 88}, {4, 88}, {16, 88}}));
  EXPECT_EQ(flat.answer, PlateauAnswer::kFlat);
  EXPECT_EQ(flat.rank, 1);
  EXPECT_EQ(find_plateau(question_of({{1, 86}, {4, 87}, {16, 88}})).answer,
            PlateauAnswer::kNoPlateau);
  const auto peak = find_plateau(question_of({{1, 86}, {4, 88}, {16, 87}}));
  EXPECT_EQ(peak.answer, PlateauAnswer::kPeakThenDecline);
  EXPECT_EQ(peak.rank, 4);
}

TEST(Plateau, a_gap_below_a_passing_rank_is_not_jumped) {
  // Rank 1 is as good as the reference, rank 4 is not: the steps stop at 4.
  const auto result = find_plateau(question_of({{1, 88}, {4, 87}, {16, 88}, {64, 88}}));
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.rank, 16);
}

TEST(Plateau, lower_is_better_turns_the_curve) {
  PlateauQuestion question = question_of({{1, 3}, {4, 1}, {16, 1}});
  question.higher_is_better = false;
  const auto result = find_plateau(question);
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.rank, 4);
}

TEST(Plateau, pairs_by_seed) {
  // Seeds differ by whole points, differences between ranks do not: unpaired this is hopeless.
  const auto question = question_of({{1, 88}, {4, 88}});
  EXPECT_EQ(find_plateau(question).answer, PlateauAnswer::kFlat);
  PlateauQuestion shuffled = question;
  std::swap(shuffled.cells[0].values[0], shuffled.cells[0].values[4]);
  EXPECT_EQ(find_plateau(shuffled).answer, PlateauAnswer::kInconclusive);
}

TEST(Plateau, a_missing_seed_leaves_its_pair_out) {
  PlateauQuestion question = question_of({{1, 85}, {4, 88}, {16, 88}});
  question.cells[1].values[2].reset();
  const auto result = find_plateau(question);
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.steps[0].pairs, 4u);
}

TEST(Plateau, one_seed_shows_nothing) {
  EXPECT_EQ(find_plateau(question_of({{1, 88}, {4, 88}}, 1)).answer, PlateauAnswer::kInconclusive);
  EXPECT_FALSE(plateau_power(question_of({{1, 88}, {4, 88}}, 1)).has_value());
  EXPECT_EQ(find_plateau(question_of({})).answer, PlateauAnswer::kInconclusive);
}

TEST(Plateau, collapsed_cells_are_named_and_left_out) {
  PlateauQuestion question = question_of({{1, 85}, {4, 88}, {16, 88}, {64, 10}});
  question.chance = 33.3;
  const auto result = find_plateau(question);
  EXPECT_EQ(result.collapsed, std::vector<std::int64_t>{64});
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.rank, 4);
  question.chance = 100.0;
  EXPECT_EQ(find_plateau(question).answer, PlateauAnswer::kCollapsed);
}

TEST(Plateau, a_rank_whose_every_run_collapsed_is_named_whatever_its_values) {
  PlateauQuestion question = question_of({{1, 85}, {4, 88}, {16, 88}, {64, 88}});
  question.cells[3].collapsed = true;
  const auto result = find_plateau(question);
  EXPECT_EQ(result.collapsed, std::vector<std::int64_t>{64});
  EXPECT_EQ(result.steps.front().rank, 4);  // 16 became the reference
}

TEST(Plateau, a_reference_of_its_own_is_tested_against_the_largest_rank_too) {
  PlateauQuestion question = question_of({{1, 85}, {4, 88}, {16, 88}});
  for (std::size_t seed = 0; seed < 5; ++seed)
    question.reference.emplace_back(90.0 + static_cast<double>(seed) + 0.01 * (seed % 2 ? 1 : -1));
  EXPECT_EQ(find_plateau(question).answer, PlateauAnswer::kNoPlateau);
  for (auto& value : question.reference)
    *value -= 2.0;
  const auto result = find_plateau(question);
  EXPECT_EQ(result.answer, PlateauAnswer::kPlateau);
  EXPECT_EQ(result.rank, 4);
  EXPECT_EQ(result.steps.front().rank, 16);
}

TEST(Plateau, power_says_what_the_seeds_can_show) {
  Random random(1);
  const auto question = draw_question(curve_kinds()[1], 0.7, 5, random);
  const auto power = plateau_power(question);
  ASSERT_TRUE(power.has_value());
  EXPECT_EQ(power->seeds, 5u);
  // Differences of two independent runs of deviation 0.7 scatter with about 0.99.
  EXPECT_NEAR(power->deviation, 0.99, 0.35);
  EXPECT_NEAR(t_test_power(power->smallest_margin, power->deviation, 5, 0.05), 0.8, 1e-6);
  EXPECT_LT(power->at_margin, 0.8);
  EXPECT_GT(power->seeds_needed, 5u);
}

TEST(Simulated, a_rank_that_loses_the_margin_is_rarely_named) {
  for (const CurveKind& kind : curve_kinds()) {
    for (double deviation : {0.1, 0.3, 0.7}) {
      const Rates rates = simulate(kind, deviation, 5, 1000);
      // alpha is 0.05; 1,000 draws scatter by 0.007.
      EXPECT_LE(rates.too_small, 0.05 + 0.025) << kind.name << " at deviation " << deviation;
    }
  }
}

TEST(Simulated, with_enough_seeds_every_kind_is_told) {
  for (const CurveKind& kind : curve_kinds()) {
    Rates rates = simulate(kind, 0.3, 20, 300);
    // In pure noise a first step, a decline and a growth may each be found by chance, at 0.05: 0.85
    // is what can be had, and 300 draws scatter by 0.02.
    const double wanted = kind.truth == PlateauAnswer::kInconclusive ? 0.85 - 3 * 0.02 : 0.85;
    EXPECT_GE(rates.answers[kind.truth], wanted) << kind.name;
  }
}

// 400 draws scatter by 0.011.
TEST(Simulated, the_interval_of_a_loss_holds_the_truth) {
  for (const CurveKind& kind : curve_kinds()) {
    const Coverage coverage = coverage_of(kind, 0.3, 5, 400, /*resamples=*/0);
    EXPECT_NEAR(coverage.loss, 0.95, 0.04) << kind.name;
  }
}

TEST(Simulated, too_few_seeds_are_inconclusive_and_not_wrong) {
  Rates rates = simulate(curve_kinds()[1], 1.5, 3, 1000);
  EXPECT_GE(rates.answers[PlateauAnswer::kInconclusive], 0.8);
}

RankSeries bent_series(double break_log2, double slope, double level) {
  RankSeries series;
  series.ranks.assign(kRanks.begin(), kRanks.end());
  for (int seed = 0; seed < 3; ++seed) {
    std::vector<double> values;
    for (std::size_t i = 0; i < kRanks.size(); ++i) {
      const double x = static_cast<double>(i);
      values.push_back(level + slope * std::min(x - break_log2, 0.0) + seed +
                       0.001 * std::sin(11.0 * x + seed));
    }
    series.values.push_back(values);
  }
  return series;
}

TEST(HockeyStick, finds_a_break_between_ranks) {
  const auto fit = fit_hockey_stick(bent_series(3.4, 0.8, 88), {{0, 1, 2}, {0, 0, 1}}, 0.95);
  ASSERT_TRUE(fit.has_value());
  EXPECT_NEAR(fit->break_log2, 3.4, 0.01);
  EXPECT_NEAR(fit->slope, 0.8, 0.01);
  EXPECT_NEAR(fit->level, 89.0, 0.01);  // the mean seed adds one
  EXPECT_STREQ(fit->best, "hockey stick");
  EXPECT_NEAR(fit->break_interval.low, 3.4, 0.01);
  EXPECT_LE(fit->break_interval.low, fit->break_interval.high);
}

TEST(HockeyStick, a_line_and_a_constant_are_preferred_when_true) {
  EXPECT_STREQ(fit_hockey_stick(bent_series(99, 0.8, 88), {}, 0.95)->best, "line");
  EXPECT_STREQ(fit_hockey_stick(bent_series(3, 0.0, 88), {}, 0.95)->best, "constant");
}

TEST(HockeyStick, too_few_points_give_no_fit) {
  RankSeries series{{1, 4, 16}, {{1, 2, 3}, {1, 2, 3}}};
  EXPECT_FALSE(fit_hockey_stick(series, {}, 0.95).has_value());
}

}  // namespace
}  // namespace plateau::statistics
