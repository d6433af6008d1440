#include "common/base/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace plateau {
namespace {

// The reference sequence of splitmix64 from seed 1234567, as published with its author's C code.
TEST(Random, next_isSplitmix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317u);
  EXPECT_EQ(random.next(), 3203168211198807973u);
  EXPECT_EQ(random.next(), 9817491932198370423u);
}

TEST(Random, below_staysBelowAndReachesEverything) {
  Random random(1);
  std::vector<int> seen(7);
  for (int i = 0; i < 7000; ++i)
    ++seen.at(random.below(7));
  EXPECT_GT(*std::min_element(seen.begin(), seen.end()), 850);
  EXPECT_LT(*std::max_element(seen.begin(), seen.end()), 1150);
}

TEST(RandomDeathTest, below_zero) {
  Random random(1);
  EXPECT_DEATH((void)random.below(0), "below\\(0\\)");
}

TEST(Random, uniformAndNormal_haveTheirMoments) {
  Random random(2);
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform_sum += u;
    const double z = random.normal();
    normal_sum += z;
    normal_squares += z * z;
  }
  // Five standard errors of each mean.
  EXPECT_NEAR(uniform_sum / kDraws, 0.5, 5 * 0.2887 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
}

TEST(Random, shuffle_isAPermutationThatTheSeedDecides) {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> first = items, again = items, other = items;
  Random(3).shuffle(first);
  Random(3).shuffle(again);
  Random(4).shuffle(other);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
  EXPECT_NE(first, items);
  std::sort(first.begin(), first.end());
  EXPECT_EQ(first, items);
}

TEST(DeriveSeedDeathTest, withoutAPurpose) {
  EXPECT_DEATH((void)derive_seed(1, "", {1}), "without a purpose");
}

TEST(DeriveSeed, everyPartCounts) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed : {0u, 1u, 2u}) {
    for (const char* purpose : {"x", "dropout", "dropouu", "order"}) {
      seeds.insert(derive_seed(seed, purpose));
      for (std::uint64_t step : {0u, 1u, 2u}) {
        seeds.insert(derive_seed(seed, purpose, {step}));
        for (std::uint64_t layer : {0u, 1u, 2u})
          seeds.insert(derive_seed(seed, purpose, {step, layer}));
      }
    }
  }
  EXPECT_EQ(seeds.size(), 3u * 4u * (1u + 3u + 9u));
  EXPECT_EQ(derive_seed(7, "order", {1, 2}), derive_seed(7, "order", {1, 2}));
}

}  // namespace
}  // namespace plateau
