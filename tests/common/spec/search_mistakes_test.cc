// Each mistake that a person makes in a sweep that searches, with the whole message.
#include <gtest/gtest.h>

#include "tests/common/spec/mistake.h"

namespace plateau {
namespace {

using namespace testing;

class SearchMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(SearchMistakes, are_told_with_place_and_remedy) {
  EXPECT_EQ(mistakes(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, SearchMistakes,
    ::testing::Values(
        Mistake{"log_scale_through_zero",
                random_of("{distribution: log_uniform_values, min: 0, max: 1}"),
                "s.yaml:8:74: learning_rate.min is the number 0; a log scale has no zero and "
                "nothing below it; give a number above 0"},
        Mistake{"distribution_beyond_the_limits", random_of("{min: -1, max: 0.5}"),
                "s.yaml:8:40: learning_rate.min is the number -1; allowed is a number from 1e-12 "
                "(of the adapter)"},
        Mistake{"rates_from_zero", random_of("{distribution: q_uniform, min: 0, max: 0.5, q: 0.1}"),
                "s.yaml:8:65: learning_rate.min is the number 0; allowed is a number from 1e-12 "
                "(of the adapter)"},
        Mistake{
            "epochs_from_zero",
            after_head(kRight + "  epochs: {min: 0, max: 3}\n") + "method: random\nrun_cap: 10\n",
            "s.yaml:6:17: epochs.min is the number 0; allowed is a number from 1e-06 to 1e+06 "
            "(passes over the training split)"},
        Mistake{"exponent_without_bounds",
                random_of("{distribution: log_uniform, min: 1, max: 1000}"),
                "s.yaml:8:75: learning_rate.max is the number 1000; allowed is a number from 1e-12 "
                "(of the adapter)"},
        Mistake{"no_max", random_of("{distribution: uniform, min: 0.1}"),
                "s.yaml:8:34: learning_rate has the distribution uniform and no max; a number is "
                "needed"},
        Mistake{"max_is_a_text", random_of("{min: 0.1, max: big}"),
                "s.yaml:8:50: learning_rate.max is the text 'big'; a number is needed"},
        Mistake{"sigma_zero", random_of("{distribution: normal, mu: 0.1, sigma: 0}"),
                "s.yaml:8:73: learning_rate.sigma is the number 0; allowed is a number above 0"},
        Mistake{"beta_of_zero", random_of("{distribution: beta, a: 2, b: 0}"),
                "s.yaml:8:64: learning_rate.b is the number 0; allowed is a number above 0"},
        Mistake{"beta_of_a_rank",
                after_head("  adapter: lora\n  rank: {distribution: q_beta, a: 2, b: 2}\n") +
                    "method: random\nrun_cap: 10\n",
                "s.yaml:5:9: rank has q_beta, which gives values from 0 to 1; allowed is a whole "
                "number from 1 to 65536 (rank of the update)"},
        Mistake{"beta_by_another_name", random_of("{distribution: beta, alpha: 2, beta: 3}"),
                "s.yaml:8:55: unknown key 'alpha' in parameter learning_rate; here it is `a`. "
                "Known: value, values, when, expression, parameters, distribution, probabilities, "
                "min, max, mu, sigma, a, b, q"},
        Mistake{"q_zero", random_of("{distribution: q_uniform, min: 0.1, max: 1, q: 0}"),
                "s.yaml:8:81: learning_rate.q is the number 0; allowed is a number above 0; draws "
                "are rounded to its multiples"},
        Mistake{
            "key_of_another_distribution",
            random_of("{distribution: uniform, min: 0.1, max: 1, sigma: 2}"),
            "s.yaml:8:76: learning_rate.sigma has no meaning for uniform, which takes min, max"},
        Mistake{"nothing_to_draw_from", random_of("{when: rank > 2}"),
                "s.yaml:8:34: learning_rate has no value; give `value`, `values`, `expression`, or "
                "`min` and `max`"},
        Mistake{"categorical_without_values", random_of("{distribution: categorical}"),
                "s.yaml:8:49: learning_rate has the distribution categorical and no `values`"},
        Mistake{"values_and_a_distribution", random_of("{distribution: uniform, values: [0.1]}"),
                "s.yaml:8:49: learning_rate has values and the distribution 'uniform'; allowed "
                "with it is categorical"},
        Mistake{"highest_rank_too_large",
                after_head("  adapter: lora\n  rank: {min: 1, max: 512}\n") +
                    "method: random\nrun_cap: 10\n",
                "s.yaml:5:23: rank is 512; the largest that lora allows on minilm is 384, since "
                "bert.encoder.layer.0.attention.self.query is 384 x 384"},
        Mistake{
            "highest_length_too_long",
            after_head(kRight + "  max_length: {distribution: q_normal, mu: 400, sigma: 100}\n") +
                "method: random\nrun_cap: 10\n",
            "s.yaml:6:15: max_length is 709; minilm has 512 positions"},
        Mistake{
            "expression_out_of_range_at_the_lowest",
            after_head("  adapter: lora\n  rank: {min: 4, max: 64}\n  alpha: rank - 4\n") +
                "method: random\nrun_cap: 10\n",
            "s.yaml:6:3: alpha = rank - 4 gives 0; allowed is a number from 1e-09 to 1e+09 (the "
            "update is scaled by alpha/rank (alpha/sqrt(rank) with rslora); 2 * rank when left "
            "out)"},
        Mistake{
            "a_listed_value_behind_the_first",
            after_head("  adapter: lora\n  rank: [1, 2]\n  target_modules: {values: [all-linear, "
                       "[qury]]}\n") +
                "method: random\nrun_cap: 10\n",
            "s.yaml:6:41: target_modules has 'qury', which no module of the base is called. Did "
            "you mean 'query'? There are: query, key, value, dense, attention.output.dense, "
            "intermediate.dense, output.dense."},
        Mistake{"fractions_of_a_rank",
                after_head("  adapter: lora\n  rank: {distribution: uniform, min: 1, max: 8}\n") +
                    "method: random\nrun_cap: 10\n",
                "s.yaml:5:9: rank takes whole numbers, and uniform gives others; take int_uniform, "
                "or a q_ distribution with a whole q"},
        Mistake{"fraction_of_a_whole_number",
                after_head("  adapter: lora\n  rank: {distribution: int_uniform, min: 1.5, max: "
                           "8}\n") +
                    "method: random\nrun_cap: 10\n",
                "s.yaml:5:42: rank.min is the number 1.5; int_uniform takes whole numbers"},
        Mistake{"distribution_of_words", after_head(kRight + "  schedule: {min: 1, max: 2}\n"),
                "s.yaml:6:13: schedule is no number and has no distribution; give `value` or "
                "`values`"},
        Mistake{"zip_of_a_distribution",
                after_head("  adapter: lora\n  rank: [1, 2]\n  learning_rate: {min: 0.1, max: "
                           "1}\n") +
                    "method: random\nrun_cap: 10\nzip: [rank, learning_rate]\n",
                "s.yaml:6:3: learning_rate has a distribution and cannot be zipped"},
        Mistake{"probabilities_below_one",
                random_of("{values: [0.1, 0.2], probabilities: [0.5, 0.4]}"),
                "s.yaml:8:70: learning_rate.probabilities add up to 0.9, not to 1"},
        Mistake{"probability_zero", random_of("{values: [0.1, 0.2], probabilities: [1, 0]}"),
                "s.yaml:8:74: learning_rate.probabilities has the number 0; allowed is a number "
                "above 0 (leave a value out that is never to be drawn)"},
        Mistake{"early_terminate_without_type", after_head(kRight) + "early_terminate: {s: 2}\n",
                "s.yaml:6:18: early_terminate has no type; allowed: hyperband, asha, median, "
                "patience"},
        Mistake{"early_terminate_type", after_head(kRight) + "early_terminate: {type: hyperbnd}\n",
                "s.yaml:6:25: unknown early_terminate.type 'hyperbnd'. Did you mean 'hyperband'? "
                "Known: hyperband, asha, median, patience"},
        Mistake{"hyperband_of_nothing",
                after_head(kRight) + "early_terminate: {type: hyperband, eta: 2}\n",
                "s.yaml:6:18: early_terminate: hyperband needs min_iter (the first evaluation that "
                "it looks at), or max_iter and s (brackets)"},
        Mistake{"eta_of_one",
                after_head(kRight) + "early_terminate: {type: hyperband, min_iter: 1, eta: 1}\n",
                "s.yaml:6:54: early_terminate.eta is the number 1; allowed is a number above 1, up "
                "to 1000: of each rung the best 1/eta go on"},
        Mistake{"early_terminate_metric",
                after_head(kRight) + "early_terminate: {type: asha, metric: los}\n",
                "s.yaml:6:39: unknown early_terminate.metric 'los'. Did you mean 'loss'? Known: "
                "accuracy, f1, matthews, pearson, spearman, perplexity, loss"},
        Mistake{"asha_upside_down",
                after_head(kRight) + "early_terminate: {type: asha, min_iter: 9, max_iter: 3}\n",
                "s.yaml:6:54: early_terminate.max_iter is 3, below min_iter, 9"},
        Mistake{"median_key",
                after_head(kRight) + "early_terminate: {type: median, min_trial: 9}\n",
                "s.yaml:6:33: unknown key 'min_trial' in early_terminate of type median. Did you "
                "mean 'min_trials'? Known: type, min_iter, min_trials, metric, replicates"},
        Mistake{"patience_of_none",
                after_head(kRight) + "early_terminate: {type: patience, iterations: 0}\n",
                "s.yaml:6:47: early_terminate.iterations is the number 0; allowed is a whole "
                "number from 1 to 1,000,000"},
        Mistake{"time_without_unit", after_head(kRight) + "max_time: 8\n",
                "s.yaml:6:11: max_time is the number 8; allowed is a time with its unit, such as "
                "8h, 90m or 1h30m"},
        Mistake{"gpu_hours_of_none", after_head(kRight) + "max_gpu_hours: 0\n",
                "s.yaml:6:16: max_gpu_hours is the number 0; allowed is a number of hours above 0, "
                "such as 4"},
        Mistake{"run_cap_of_none", after_head(kRight) + "run_cap: 0\n",
                "s.yaml:6:10: run_cap is the number 0; allowed is a whole number from 1"},
        Mistake{"target_is_a_text", after_head(kRight) + "target: high\n",
                "s.yaml:6:9: target is the text 'high'; a number is needed"},
        Mistake{"two_targets",
                after_head(kRight) + "metric: {name: accuracy, target: 0.9}\ntarget: 0.8\n",
                "s.yaml:7:9: target is 0.8 and another is 0.9; metric.target and target are the "
                "same, give one"},
        Mistake{"goal_upside_down",
                after_head(kRight) + "metric: {name: accuracy, goal: minimize}\n",
                "s.yaml:6:32: metric.goal is minimize, but more accuracy is better; leave goal "
                "out"}),
    [](const auto& mistake) { return mistake.param.name; });

}  // namespace
}  // namespace plateau
