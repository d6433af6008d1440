// Against SciPy and statsmodels on recorded inputs (record.py), to 1e-6; and by hand where a number
// can be counted on paper.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "coordinator/results/statistics/cliques.h"
#include "coordinator/results/statistics/hockey_stick.h"
#include "coordinator/results/statistics/intervals.h"
#include "coordinator/results/statistics/paired.h"
#include "coordinator/results/statistics/parameter_ratio.h"
#include "coordinator/results/statistics/plateau.h"

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

TEST(Recorded, paired_bootstrap_with_given_resamples) {
  for (const Json& one : cases("paired_bootstrap")) {
    const auto result = paired_bootstrap(one["differences"], one["resamples"], one["confidence"]);
    EXPECT_NEAR(result.interval.low, one["low"], kTolerance);
    EXPECT_NEAR(result.interval.high, one["high"], kTolerance);
    EXPECT_NEAR(result.p_value, one["p"], kTolerance) << one["differences"];
  }
}

TEST(Recorded, wilcoxon_of_many_pairs) {
  for (const Json& one : cases("many_pairs")) {
    const Wilcoxon wilcoxon = wilcoxon_signed_rank(one["differences"]);
    EXPECT_GT(wilcoxon.pairs, kMostCountedPairs);
    EXPECT_NEAR(wilcoxon.statistic, one["statistic"], kTolerance);
    EXPECT_NEAR(wilcoxon.p_value, one["p"], kTolerance);
  }
}

TEST(Recorded, average_ranks_with_ties) {
  for (const Json& one : cases("average_ranks")) {
    const auto ranks = average_ranks(one["scores"]);
    ASSERT_EQ(ranks.size(), one["ranks"].size());
    for (std::size_t i = 0; i < ranks.size(); ++i)
      EXPECT_NEAR(ranks[i], one["ranks"][i], kTolerance) << one;
  }
}

TEST(Recorded, parameter_ratios_with_given_resamples) {
  for (const Json& one : cases("parameter_ratios")) {
    const SizeCurve first{one["sizes"][0], one["values"][0]};
    const SizeCurve second{one["sizes"][1], one["values"][1]};
    const ParameterRatio result = parameter_ratio(first, second, one["resamples"], 0.95);
    const double tolerance = kTolerance * one["ratio"].get<double>();
    EXPECT_NEAR(result.ratio, one["ratio"], tolerance);
    EXPECT_NEAR(result.interval->low, one["low"], tolerance);
    EXPECT_NEAR(result.interval->high, one["high"], tolerance);
  }
}

TEST(Recorded, smallest_effect_that_a_power_shows) {
  for (const Json& one : cases("smallest_effects")) {
    EXPECT_NEAR(smallest_effect(one["deviation"], one["count"], one["alpha"], one["power"]),
                one["effect"], kTolerance)
        << one;
  }
}

TEST(Recorded, step_down_non_inferiority) {
  for (const Json& one : cases("step_down")) {
    PlateauQuestion question;
    question.margin = one["margin"];
    for (std::size_t i = 0; i < one["ranks"].size(); ++i) {
      question.cells.push_back({one["ranks"][i], {}, false});
      for (const Json& value : one["values"][i])
        question.cells.back().values.emplace_back(value.get<double>());
    }
    const PlateauResult result = find_plateau(question);
    ASSERT_EQ(result.steps.size(), one["steps"].size()) << one;
    for (std::size_t i = 0; i < result.steps.size(); ++i) {
      EXPECT_NEAR(result.steps[i].loss, one["steps"][i]["loss"], kTolerance);
      EXPECT_NEAR(result.steps[i].deviation, one["steps"][i]["deviation"], kTolerance);
      EXPECT_NEAR(result.steps[i].p_value, one["steps"][i]["p"], kTolerance);
    }
  }
}

TEST(Recorded, hockey_stick_against_a_fit_with_an_effect_of_each_seed) {
  for (const Json& one : cases("hockey_sticks")) {
    const auto fit = fit_hockey_stick({one["ranks"], one["values"]}, one["resamples"], 0.95);
    ASSERT_TRUE(fit.has_value());
    EXPECT_NEAR(fit->aicc_constant, one["constant"], kTolerance);
    EXPECT_NEAR(fit->aicc_line, one["line"], kTolerance);
    EXPECT_NEAR(fit->aicc_hockey_stick, one["hockey_stick"], kTolerance);
    EXPECT_NEAR(fit->break_log2, one["break"], kTolerance);
    EXPECT_NEAR(fit->slope, one["slope"], kTolerance);
    EXPECT_NEAR(fit->level, one["level"], kTolerance);
    EXPECT_NEAR(fit->break_interval.low, one["low"], kTolerance);
    EXPECT_NEAR(fit->break_interval.high, one["high"], kTolerance);
  }
}

TEST(Recorded, cliques_by_wilcoxon_with_holm) {
  for (const Json& one : cases("cliques")) {
    const auto scores = one["scores"].get<std::vector<std::vector<double>>>();
    const std::size_t adapters = scores.front().size();
    std::vector<double> p_values;
    for (std::size_t a = 0; a < adapters; ++a) {
      for (std::size_t b = a + 1; b < adapters; ++b) {
        std::vector<double> gaps;
        for (const auto& task : scores)
          gaps.push_back(task[a] - task[b]);
        p_values.push_back(wilcoxon_signed_rank(gaps).p_value);
      }
    }
    const auto adjusted = holm(p_values);
    std::vector<std::vector<bool>> different(adapters, std::vector<bool>(adapters, false));
    std::size_t place = 0;
    for (std::size_t a = 0; a < adapters; ++a) {
      for (std::size_t b = a + 1; b < adapters; ++b, ++place) {
        EXPECT_NEAR(adjusted[place], one["adjusted"][place], kTolerance) << one;
        different[a][b] = different[b][a] = adjusted[place] <= 0.05;
      }
    }
    EXPECT_EQ(Json(cliques(average_ranks(scores), different)), one["cliques"]);
  }
}

TEST(ByHand, cliques_are_maximal_and_in_order_of_rank) {
  // By rank: 2, 0, 1, 3. Only 2 and 1, 2 and 3, 0 and 3 differ.
  std::vector<std::vector<bool>> different(4, std::vector<bool>(4, false));
  for (const auto& [a, b] : {std::pair{2, 1}, std::pair{2, 3}, std::pair{0, 3}}) {
    different[a][b] = different[b][a] = true;
  }
  using Cliques = std::vector<std::vector<std::size_t>>;
  EXPECT_EQ(cliques({2, 3, 1, 4}, different), (Cliques{{2, 0}, {0, 1}, {1, 3}}));
  different[0][1] = different[1][0] = true;
  EXPECT_EQ(cliques({2, 3, 1, 4}, different), (Cliques{{2, 0}, {1, 3}}));
  EXPECT_EQ(cliques({1, 2}, {{false, false}, {false, false}}), (Cliques{{0, 1}}));
}

TEST(ByHand, a_ratio_of_parameters_says_where_it_is_only_a_bound) {
  // The level is 82: the first has it between 100 and 1,000, halfway in the logarithm.
  const SizeCurve first{{100, 1000}, {{80, 84}}};
  const SizeCurve second{{1000, 10'000}, {{79, 82}}};
  const ParameterRatio met = parameter_ratio(first, second, {}, 0.95);
  EXPECT_DOUBLE_EQ(met.level, 82);
  EXPECT_NEAR(met.first, 316.227766, 1e-6);
  EXPECT_NEAR(met.ratio, 10'000 / 316.227766, 1e-4);
  EXPECT_FALSE(met.first_at_smallest || met.second_at_smallest || met.interval.has_value());
  const ParameterRatio bound = parameter_ratio({{100, 1000}, {{83, 84}}}, second, {}, 0.95);
  EXPECT_TRUE(bound.first_at_smallest);
  EXPECT_NEAR(bound.ratio, 100, 1e-9);
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
