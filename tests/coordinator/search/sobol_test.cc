#include "coordinator/search/sobol.h"

#include <set>

#include <gtest/gtest.h>

namespace plateau::search {
namespace {

// Scrambling must keep what makes the sequence one: each of 64 equal intervals of each dimension
// gets one of the first 64 points, and each of the 8 x 8 squares of the first two dimensions too.
TEST(Sobol, keeps_its_strata_under_scrambling) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    std::vector<std::set<int>> intervals(5);
    std::set<std::pair<int, int>> squares;
    for (std::uint64_t index = 0; index < 64; ++index) {
      const std::vector<double> point = sobol_point(index, 5, seed);
      for (std::size_t d = 0; d < 5; ++d)
        intervals[d].insert(static_cast<int>(point[d] * 64));
      squares.emplace(static_cast<int>(point[0] * 8), static_cast<int>(point[1] * 8));
    }
    for (const std::set<int>& seen : intervals)
      EXPECT_EQ(seen.size(), 64U);
    EXPECT_EQ(squares.size(), 64U);
  }
}

TEST(Sobol, seeds_and_dimensions_are_scrambled_apart) {
  EXPECT_EQ(sobol_point(7, 3, 1), sobol_point(7, 3, 1));
  EXPECT_NE(sobol_point(7, 3, 1), sobol_point(7, 3, 2));
  const std::vector<double> origin = sobol_point(0, 3, 1);
  EXPECT_NE(origin[0], origin[1]);
  EXPECT_NE(origin[1], origin[2]);
}

// Each scrambled point is uniform: over 4,000 seeds the mean of the first is 1/2, give or take four
// standard errors.
TEST(Sobol, the_first_point_is_uniform_over_seeds) {
  double sum = 0;
  double sum_of_squares = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const double x = sobol_point(0, 1, seed)[0];
    sum += x;
    sum_of_squares += x * x;
  }
  EXPECT_NEAR(sum / 4000, 0.5, 4 * 0.2887 / 63.2);
  EXPECT_NEAR(sum_of_squares / 4000, 1.0 / 3, 4 * 0.2981 / 63.2);
}

}  // namespace
}  // namespace plateau::search
