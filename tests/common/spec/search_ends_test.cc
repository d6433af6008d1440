#include "common/spec/search_ends.h"

#include <gtest/gtest.h>

#include "common/spec/grid.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;
using Json = nlohmann::json;

Sweep search(const std::string& parameters, const std::string& more = "") {
  return read(std::string(kHead) + "  adapter: lora\n" + parameters +
              "method: random\nmax_trials: 4\n" + more)
      .value();
}

// The values of the last parameter.
Json ends(const std::string& parameters, const std::string& more = "") {
  const SearchEnds found = search_ends(search(parameters, more)).value();
  Json values = Json::array();
  for (const SweepValue& value : found.grid.parameters.back().values)
    values.push_back(value.value);
  return values;
}

TEST(SearchEnds, of_a_distribution_are_its_lowest_and_highest_value) {
  EXPECT_EQ(ends("  rank: {min: 3, max: 99}\n"), Json({3, 99}));
  EXPECT_EQ(ends("  rank: {distribution: q_log_uniform_values, min: 4, max: 64, q: 4}\n"),
            Json({4, 64}));
  EXPECT_EQ(ends("  rank: 4\n  epochs: {distribution: inv_log_uniform_values, min: 1, max: 8}\n"),
            Json({1.0, 8.0}));
}

TEST(SearchEnds, of_a_normal_distribution_leave_out_a_tail) {
  const Json found = ends("  rank: {distribution: q_normal, mu: 100, sigma: 10}\n");
  // 3.09 deviations.
  EXPECT_EQ(found, Json({69, 131}));
}

TEST(SearchEnds, keep_listed_values) {
  EXPECT_EQ(ends("  rank: [4, 64, 8]\n"), Json({4, 64, 8}));
}

TEST(SearchEnds, have_one_value_of_what_changes_what_is_learnt_alone) {
  EXPECT_EQ(ends("  rank: [1, 2]\n  learning_rate: {min: 0.25, max: 0.75}\n"), Json({0.5}));
  EXPECT_EQ(ends("  rank: [1, 2]\n  schedule: [linear, cosine]\n"), Json({"linear"}));
  EXPECT_EQ(ends("  rank: [1, 2]\n  seed: range(5)\n"), Json({0}));
  // Unless another hangs on it.
  EXPECT_EQ(ends("  rank: {value: 4, when: learning_rate > 0.5}\n"
                 "  learning_rate: {min: 0.25, max: 0.75}\n"),
            Json({0.25, 0.75}));
  EXPECT_EQ(ends("  rank: [1, 2]\n  learning_rate: [0.1, 0.2]\n", "zip: [rank, learning_rate]\n"),
            Json({0.1, 0.2}));
}

TEST(SearchEnds, that_are_too_many_are_thinned_out) {
  std::string lists =
      "  rank: [1, 2, 4, 8]\n  batch_size: "
      "[";
  for (int size = 1; size < 100; ++size)
    lists += std::to_string(size) + ", ";
  lists += "100]\n  max_length: range(10, 70)\n";
  const SearchEnds found = search_ends(search(lists)).value();
  EXPECT_EQ(found.thinned, (std::vector<std::string>{"batch_size"}));
  EXPECT_EQ(most_trials(found.grid), 4 * 2 * 60);
}

TEST(SearchEnds, that_cannot_be_few_are_none) {
  const std::string zipped =
      "  rank: range(1, 151)\n  alpha: range(1, 151)\n  batch_size: range(1, 151)\n"
      "  max_length: range(11, 161)\n";
  EXPECT_FALSE(search_ends(search(zipped, "zip: [[rank, alpha], [batch_size, max_length]]\n")));
}

TEST(SearchEnds, are_planned_and_no_trials_of_the_search) {
  const SweepPlan found = plan(std::string(kHead) +
                               "  adapter: [lora, bitfit]\n  rank: {min: 4, max: 8}\n"
                               "method: random\nmax_trials: 4\nbaselines: majority\n");
  EXPECT_EQ(found.ends.size(), 3u);
  EXPECT_EQ(found.trial_count, 0);
  EXPECT_EQ(found.trials.size(), 1u);
}

}  // namespace
}  // namespace plateau
