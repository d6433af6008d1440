#include "common/spec/distribution.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace plateau {
namespace {

TEST(Distribution, ends_and_middles_lie_where_the_definition_says) {
  EXPECT_DOUBLE_EQ(value_at({Uniform{2, 6}}, 0.25), 3);
  EXPECT_NEAR(value_at({LogUniform{1e-4, 1e-2}}, 0.5), 1e-3, 1e-12);
  EXPECT_NEAR(value_at({Normal{1, 2}}, 0.975), 1 + 2 * 1.959963984540054, 1e-9);
  EXPECT_NEAR(value_at({LogNormal{0, 1}}, 0.5), 1, 1e-12);
}

// Of scipy.stats.beta, 1.17.
TEST(Distribution, beta_is_scipys) {
  struct Known {
    double a, b, at_5, at_50, at_95, below;  // quantiles, and the share below 0.3
  };
  const Known all[] = {
      {2, 3, 0.09761146288641434, 0.3857275681323895, 0.7513953742698181, 0.3483},
      {0.5, 0.5, 0.0061558297024311365, 0.5, 0.9938441702975689, 0.36901011956554536},
      {0.1, 5, 1.300879757997648e-14, 0.00013014955240919684, 0.1194284264413824,
       0.9905798682987166},
      {30, 70, 0.22729905447104012, 0.2986619743086956, 0.3772714504615991, 0.5116251045586087},
      {500, 2, 0.9905665141585225, 0.9966522729272063, 0.999290238595218, 1.2762462420350111e-259}};
  for (const Known& known : all) {
    const Distribution beta{Beta{known.a, known.b}};
    EXPECT_NEAR(value_at(beta, 0.05), known.at_5, 1e-12);
    EXPECT_NEAR(value_at(beta, 0.5), known.at_50, 1e-12);
    EXPECT_NEAR(value_at(beta, 0.95), known.at_95, 1e-12);
    EXPECT_NEAR(share_below(beta, 0.3), known.below, 1e-12);
  }
  EXPECT_EQ(value_at({Beta{2, 3}}, 0), 0);
  EXPECT_EQ(value_at({Beta{2, 3}}, 1), 1);
}

TEST(Distribution, whole_numbers_have_equal_shares_and_both_ends) {
  const Distribution ranks{IntUniform{1, 4}};
  std::map<double, int> drawn;
  for (int i = 0; i < 400; ++i)
    ++drawn[value_at(ranks, (i + 0.5) / 400)];
  EXPECT_EQ(drawn, (std::map<double, int>{{1, 100}, {2, 100}, {3, 100}, {4, 100}}));
  EXPECT_EQ(value_at(ranks, 1), 4);
}

TEST(Distribution, q_rounds_to_the_nearest_multiple) {
  EXPECT_DOUBLE_EQ(value_at({Uniform{0, 1}, 0.25}, 0.6), 0.5);
  EXPECT_DOUBLE_EQ(value_at({Uniform{0, 1}, 0.25}, 0.63), 0.75);
}

TEST(Distribution, tails_end_at_the_limits) {
  const Distribution dropout{Normal{0, 1}, 0, 0, 1};
  EXPECT_EQ(value_at(dropout, 0.1), 0);
  EXPECT_EQ(value_at(dropout, 0.99), 1);
  EXPECT_EQ(value_at(dropout, 0), 0);
}

TEST(Distribution, share_is_the_inverse_of_value) {
  const Distribution all[] = {
      {Uniform{-1, 3}}, {LogUniform{1e-5, 1}}, {Normal{2, 3}}, {LogNormal{-1, 0.5}}, {Beta{2, 5}}};
  for (const Distribution& distribution : all) {
    for (const double u : {0.01, 0.3, 0.5, 0.99})
      EXPECT_NEAR(share_below(distribution, value_at(distribution, u)), u, 1e-12);
  }
  EXPECT_DOUBLE_EQ(share_below({IntUniform{1, 4}}, 2), 0.375);
  EXPECT_EQ(share_below({LogUniform{1e-5, 1}}, 5), 1);
}

}  // namespace
}  // namespace plateau
