#include "coordinator/search/stopping.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plateau::search {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(WhyStop, tells_a_metric_that_is_maximised_as_it_is) {
  const std::vector<Curve> curves = {{-0.9}, {-0.8}, {-0.5}};
  EXPECT_EQ(why_stop(SuccessiveHalving{}, curves, 2, /*maximized=*/true).value_or(""),
            "its value of 0.5 after 1 evaluations is number 3 of 3; the best 1 go on");
  EXPECT_EQ(why_stop(Median{1, 2}, curves, 2, /*maximized=*/true).value_or(""),
            "its best value of 0.5 after 1 evaluations is below 0.85, the median of the means of 2 "
            "others until there");
  EXPECT_EQ(why_stop(Patience{1, 0}, {{-0.5, -0.4}}, 0, /*maximized=*/true).value_or(""),
            "its best value of 0.5 has not risen by more than 0 for 1 evaluations");
}

TEST(SuccessiveHalving, stops_what_is_not_among_the_best_of_its_rung) {
  const SuccessiveHalving rule{1, 3, 1};
  std::vector<Curve> curves = {Curve{0.5}, Curve{0.4}, Curve{0.6}};
  EXPECT_FALSE(why_stop(rule, curves, 1));
  EXPECT_EQ(why_stop(rule, curves, 0),
            "its loss of 0.5 after 1 evaluations is number 2 of 3; the best 1 go on");
  // The rung of three evaluations: the two that reached it are too few to halve.
  curves = {Curve{0.5, 0.5, 0.5}, Curve{0.4, 0.4, 0.1}, Curve{0.6}};
  EXPECT_FALSE(why_stop(rule, curves, 0));
  // Between rungs nothing is judged.
  curves = {Curve{0.9, 0.9}, Curve{0.4, 0.4}, Curve{0.3, 0.2}};
  EXPECT_FALSE(why_stop(rule, curves, 0));
}

TEST(SuccessiveHalving, ties_go_on_and_what_is_not_finite_stops) {
  const SuccessiveHalving rule{1, 2, 1};
  std::vector<Curve> curves = {Curve{0.5}, Curve{0.5}};
  EXPECT_FALSE(why_stop(rule, curves, 0));
  EXPECT_FALSE(why_stop(rule, curves, 1));
  curves = {Curve{kNan}, Curve{0.5}};
  EXPECT_THAT(*why_stop(rule, curves, 0), HasSubstr("not finite"));
}

// Bracket 1 begins at 3 evaluations, and compares its own trials alone.
TEST(Hyperband, each_bracket_has_its_own_first_rung) {
  const SuccessiveHalving rule{1, 3, 2};
  std::vector<Curve> curves(6, Curve{0.9});
  curves[0] = Curve{0.1};
  curves[2] = Curve{0.2};
  EXPECT_TRUE(why_stop(rule, curves, 4));
  EXPECT_FALSE(why_stop(rule, curves, 3));
  curves[1] = Curve{0.9, 0.9, 0.3};
  curves[3] = Curve{0.9, 0.9, 0.2};
  curves[5] = Curve{0.9, 0.9, 0.4};
  EXPECT_FALSE(why_stop(rule, curves, 3));
  EXPECT_THAT(*why_stop(rule, curves, 5), HasSubstr("number 3 of 3"));
}

TEST(WandbHyperband, brackets_are_those_of_its_documentation) {
  // min_iter 3 and eta 3: 3, 9, 27, ...; max_iter 27, s 2, eta 3: 3 and 9.
  const std::vector<std::int64_t> from_min = brackets_from_min(3, 3);
  EXPECT_EQ((std::vector<std::int64_t>(from_min.begin(), from_min.begin() + 4)),
            (std::vector<std::int64_t>{3, 9, 27, 81}));
  EXPECT_THAT(brackets_from_max(27, 2, 3), ElementsAre(3, 9));
  EXPECT_THAT(brackets_from_max(8, 5, 2), ElementsAre(1, 2, 4));
}

TEST(WandbHyperband, judges_at_brackets_or_strictly_all_the_time) {
  std::vector<Curve> curves = {Curve{0.9, 0.8, 0.7}, Curve{0.5, 0.5, 0.5}, Curve{0.4, 0.3, 0.6}};
  EXPECT_FALSE(why_stop(WandbHyperband{{2, 6}, 3, false}, curves, 0));
  EXPECT_TRUE(why_stop(WandbHyperband{{2, 6}, 3, true}, curves, 0));
  EXPECT_TRUE(why_stop(WandbHyperband{{3, 9}, 3, false}, curves, 0));
  // By its best, not by its last.
  EXPECT_FALSE(why_stop(WandbHyperband{{3, 9}, 3, false}, curves, 2));
}

TEST(Median, compares_the_best_with_the_means_of_the_others) {
  const Median rule{2, 3};
  std::vector<Curve> curves = {Curve{0.8, 0.4, 0.2}, Curve{0.6, 0.4, 0.3}, Curve{0.9, 0.5, 0.1},
                               Curve{0.7, 0.65}};
  // Averages until 2 evaluations: 0.6, 0.5, 0.7.
  EXPECT_EQ(why_stop(rule, curves, 3),
            "its best loss of 0.65 after 2 evaluations is above 0.6, the median of the means of 3 "
            "others until there");
  curves[3] = {0.7, 0.59};
  EXPECT_FALSE(why_stop(rule, curves, 3));
  curves[3] = {0.95};
  EXPECT_FALSE(why_stop(rule, curves, 3)) << "before min_iter";
  curves[3] = {0.7, 0.65};
  curves[0] = {0.8};
  EXPECT_FALSE(why_stop(rule, curves, 3)) << "too few have come as far";
}

TEST(Patience, counts_evaluations_without_progress) {
  const Patience rule{2, 0.01};
  EXPECT_FALSE(why_stop(rule, {Curve{0.5, 0.4, 0.395}}, 0));
  EXPECT_TRUE(why_stop(rule, {Curve{0.5, 0.4, 0.395, 0.391}}, 0));
  EXPECT_FALSE(why_stop(rule, {Curve{0.5, 0.4, 0.395, 0.38}}, 0));
  EXPECT_FALSE(why_stop(rule, {Curve{kNan, 0.4}}, 0));
  EXPECT_TRUE(why_stop(rule, {Curve{kNan, kNan}}, 0));
}

}  // namespace
}  // namespace plateau::search
