// What a sweep file says about searching: read as W&B's schema means it.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;

// The distribution of learning_rate, written `text`, in a random search.
SweepParameter drawn(const std::string& text) {
  const Sweep sweep =
      read(std::string(kHead) + "  adapter: lora\n  rank: 4\n  learning_rate: " + text +
           "\nmethod: random\nrun_cap: 10\n")
          .value();
  return sweep.parameters.back();
}

template <class Shape>
Shape shape(const std::string& text) {
  return std::get<Shape>(drawn(text).distribution.value().shape);
}

TEST(ReadSearch, distributions_have_wandbs_meaning) {
  EXPECT_EQ(shape<Uniform>("{min: 0.1, max: 0.5}").high, 0.5);
  EXPECT_EQ(shape<Uniform>("{distribution: q_uniform, min: 0.5, max: 1, q: 0.25}").low, 0.5);
  EXPECT_EQ(shape<IntUniform>("{min: 1, max: 5}").high, 5);
  EXPECT_DOUBLE_EQ(shape<LogUniform>("{distribution: log_uniform, min: -9, max: -2}").low,
                   std::exp(-9.0));
  EXPECT_EQ(shape<LogUniform>("{distribution: log_uniform_values, min: 1e-5, max: 1}").low, 1e-5);
  EXPECT_EQ(shape<LogUniform>("{distribution: q_log_uniform_values, min: 1, max: 8}").high, 8);
  const auto inverse = shape<LogUniform>("{distribution: inv_log_uniform, min: 2, max: 9}");
  EXPECT_DOUBLE_EQ(inverse.low, std::exp(-9.0));
  EXPECT_DOUBLE_EQ(inverse.high, std::exp(-2.0));
  EXPECT_EQ(shape<LogUniform>("{distribution: inv_log_uniform_values, min: 1, max: 8}").low, 1);
  EXPECT_EQ(shape<Normal>("{distribution: normal}").sigma, 1);
  EXPECT_EQ(shape<Normal>("{distribution: q_normal, mu: 2, sigma: 0.5}").mu, 2);
  EXPECT_EQ(shape<LogNormal>("{distribution: log_normal, mu: -3}").mu, -3);
  EXPECT_EQ(shape<Beta>("{distribution: beta, a: 2, b: 0.5}").b, 0.5);
  EXPECT_EQ(shape<Beta>("{distribution: beta}").a, 1);
  EXPECT_EQ(drawn("{distribution: q_beta, q: 0.25}").distribution->quantum, 0.25);
  EXPECT_EQ(drawn("{distribution: q_log_normal}").distribution->quantum, 1);
  EXPECT_EQ(drawn("{distribution: normal}").distribution->lowest, 1e-12);  // of a learning rate
}

// As in W&B's documentation; 0 itself is never drawn.
TEST(ReadSearch, a_uniform_learning_rate_may_begin_at_0) {
  const Distribution rate = drawn("{distribution: uniform, min: 0, max: 0.1}").distribution.value();
  EXPECT_GT(value_at(rate, 0), 0);
  EXPECT_DOUBLE_EQ(value_at(rate, 0.5), 0.05);
}

TEST(ReadSearch, probabilities_stay_with_their_values) {
  const SweepParameter parameter = drawn("{values: [0.1, 0.2], probabilities: [0.3, 0.7]}");
  EXPECT_EQ(parameter.values.size(), 2u);
  EXPECT_EQ(parameter.probabilities, (std::vector<double>{0.3, 0.7}));
}

TEST(ReadSearch, exponents_that_nobody_means_get_a_notice) {
  const Sweep sweep = read(std::string(kHead) +
                           "  adapter: lora\n  rank: 4\n  learning_rate: {distribution: "
                           "log_uniform, min: 1e-5, max: 0.1}\nmethod: random\nrun_cap: 10\n")
                          .value();
  ASSERT_EQ(sweep.notices.size(), 1u);
  EXPECT_EQ(sweep.notices[0],
            "s.yaml:6:18: learning_rate has log_uniform, which takes exponents of e: values from "
            "1.00001000005 to 1.1051709180756477; log_uniform_values takes values");
}

TEST(ReadSearch, seeds_are_listed_in_a_search_too) {
  const Sweep sweep = read(std::string(kHead) +
                           "  adapter: lora\n  rank: [4, 8]\n  seed: {min: 1, max: 3}\n"
                           "method: bayes\nrun_cap: 10\n")
                          .value();
  EXPECT_EQ(sweep.parameters.back().values.size(), 3u);
  EXPECT_FALSE(sweep.parameters.back().distribution);
}

TEST(ReadSearch, a_grid_takes_q_uniform_as_wandb_does) {
  const SweepPlan made =
      plan(std::string(kHead) +
           "  adapter: lora\n  rank: 4\n  dropout: {distribution: q_uniform, min: 0.1, max: 0.5, "
           "q: 0.1}\n");
  const std::vector<nlohmann::json> dropouts = column(made, "/adapter/parameters/dropout");
  ASSERT_EQ(dropouts.size(), 4u);  // 0.5 is left out
  EXPECT_NEAR(dropouts[3].get<double>(), 0.4, 1e-12);
}

SearchSpec search(const std::string& more) {
  return read(std::string(kHead) + "  adapter: lora\n  rank: [4, 8]\n" + more).value().search;
}

TEST(ReadSearch, early_terminate_in_each_form) {
  const auto hyperband = std::get<Hyperband>(
      search("early_terminate: {type: hyperband, s: 2, eta: 4, max_iter: 27, strict: true}\n")
          .early_terminate);
  EXPECT_EQ(hyperband.max_iter, 27);
  EXPECT_EQ(hyperband.brackets, 2);
  EXPECT_EQ(hyperband.eta, 4);
  EXPECT_TRUE(hyperband.strict);
  EXPECT_FALSE(hyperband.min_iter);
  const SearchSpec asha = search("early_terminate: {type: asha, min_iter: 2, replicates: true}\n");
  EXPECT_EQ(std::get<Asha>(asha.early_terminate).min_iter, 2);
  EXPECT_TRUE(asha.stops_replicates);
  EXPECT_EQ(asha.stop_metric, "");
  for (const char* type : {"hyperband, min_iter: 1", "asha", "median", "patience"}) {
    EXPECT_EQ(
        search("early_terminate: {type: " + std::string(type) + ", metric: loss}\n").stop_metric,
        "loss");
  }
  EXPECT_EQ(std::get<MedianStopping>(
                search("early_terminate: {type: median, min_trials: 7}\n").early_terminate)
                .min_trials,
            7);
  EXPECT_EQ(std::get<Patience>(
                search("early_terminate: {type: patience, min_delta: 0.1}\n").early_terminate)
                .min_delta,
            0.1);
}

TEST(ReadSearch, budgets) {
  const SearchSpec spec = search(
      "method: tpe\nrun_cap: 9\nmax_trials: 7\nmax_time: 1h30m\nmax_gpu_hours: 2.5\n"
      "metric: {name: accuracy, target: 0.9}\nsearch_seed: 3\n");
  EXPECT_EQ(spec.method, SearchMethod::kTpe);
  EXPECT_EQ(spec.budgets.max_trials, 7);  // the smaller one
  EXPECT_EQ(spec.budgets.max_time_ms, 90 * 60 * 1000);
  EXPECT_EQ(spec.budgets.max_gpu_hours, 2.5);
  EXPECT_EQ(spec.budgets.target, 0.9);
  EXPECT_EQ(spec.seed, 3u);
}

}  // namespace
}  // namespace plateau
