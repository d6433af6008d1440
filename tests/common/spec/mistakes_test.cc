// Each mistake that a person makes in a sweep file, with the whole message. Those of a search are
// in search_mistakes_test.cc.
#include <gtest/gtest.h>

#include "tests/common/spec/mistake.h"

namespace plateau {
namespace {

using namespace testing;

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, are_told_with_place_and_remedy) {
  EXPECT_EQ(mistakes(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, Mistakes,
    ::testing::Values(
        Mistake{"unknown_top_key", after_head(kRight) + "baseline: [probe]\n",
                "s.yaml:6:1: unknown key 'baseline' in the sweep. Did you mean 'baselines'? Known: "
                "name, description, method, metric, parameters, adapters, tasks, bases, zip, "
                "select, baselines, replicate, report, resources, run_cap, max_trials, max_time, "
                "max_gpu_hours, target, search_seed, tasks_folder, early_terminate, fragments, "
                "extends, program, "
                "command, entity, project"},
        Mistake{"parameter_at_the_top", after_head(kRight) + "epochs: 3\n",
                "s.yaml:6:1: the parameter 'epochs' belongs under `parameters`"},
        Mistake{"extends_a_typo",
                "fragments: {short: {epochs: 1}}\nparameters:\n  extends: shrt\n  base: minilm\n"
                "  task: tweets\n  adapter: lora\n  rank: 1\n",
                "s.yaml:3:12: extends is the text 'shrt', and no fragment is called so. Did you "
                "mean 'short'? Fragments: short"},
        Mistake{"fragment_of_itself",
                "fragments: {a: {extends: b}, b: {extends: a}}\nparameters:\n  extends: a\n"
                "  base: minilm\n  task: tweets\n  adapter: lora\n  rank: 1\n",
                "s.yaml:1:43: the fragment 'a' extends itself: a -> b -> a"},
        Mistake{"unknown_parameter", after_head("  adapter: lora\n  rnak: 4\n"),
                "s.yaml:5:3: unknown key 'rnak' in parameters. Did you mean 'rank'? Known: " +
                    kParameters},
        Mistake{"unknown_parameter_with_a_wrong_value", after_head("  adapter: lora\n  rnak: 0\n"),
                "s.yaml:5:3: unknown key 'rnak' in parameters. Did you mean 'rank'? Known: " +
                    kParameters +
                    "\ns.yaml:5:9: as 'rank': rank is the number 0; allowed is a whole number from "
                    "1 to 65536 (rank of the update)."},
        Mistake{"another_programs_name", after_head(kRight + "  lr: 1e-3\n"),
                "s.yaml:6:3: unknown parameter 'lr'. Did you mean 'learning_rate'?"},
        Mistake{"duplicate_key", after_head(kRight + "  rank: 8\n"),
                "s.yaml:6:3: duplicate key 'rank'; it stands in line 5 already"},
        Mistake{"duplicate_in_group", after_head(kRight + "  g: {parameters: {rank: 8}}\n"),
                "s.yaml:6:20: the parameter 'rank' stands at s.yaml:5:3 already"},
        Mistake{"unknown_key_in_parameter", after_head("  adapter: lora\n  rank: {valus: [1]}\n"),
                "s.yaml:5:10: unknown key 'valus' in parameter rank. Did you mean 'value'? Known: "
                "value, values, when, expression, parameters, distribution, probabilities, min, "
                "max, mu, sigma, a, b, q"},
        Mistake{"value_and_values",
                after_head("  adapter: lora\n  rank: {value: 1, values: [1]}\n"),
                "s.yaml:5:9: rank has several of value, values and expression; take one"},
        Mistake{"parameter_of_another_adapter",
                after_head("  rank: 4\nadapters: {loreft: {rslora: true}}\n"),
                "s.yaml:5:21: loreft has no parameter 'rslora'. It has: rank, dropout, positions, "
                "layers, share_weights, pad_first"},
        Mistake{"no_adapter_has_it", after_head(kRight + "  positions: f1\n"),
                "s.yaml:6:3: no adapter of this sweep (lora) has 'positions'; loreft, noreft, "
                "direft have it"},
        Mistake{"scoped_source", after_head("  rank: 4\nadapters: {lora: {task: news}}\n"),
                "s.yaml:5:19: task cannot depend on the adapter"}),
    [](const auto& mistake) { return mistake.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Values, Mistakes,
    ::testing::Values(
        Mistake{"unknown_adapter", after_head("  adapter: lroa\n  rank: 4\n"),
                "s.yaml:4:12: unknown adapter: the text 'lroa'. Did you mean 'lora'? Known: " +
                    kAdapters},
        Mistake{"unknown_adapter_section", after_head("  rank: 4\nadapters: {lorra: {}}\n"),
                "s.yaml:5:12: unknown adapter 'lorra'. Did you mean 'lora'? Known: " + kAdapters},
        Mistake{"baseline_as_adapter", after_head("  adapter: [lora, probe]\n  rank: 4\n"),
                "s.yaml:4:19: probe is a baseline, not an adapter; write it under `baselines`"},
        Mistake{"unknown_baseline", after_head(kRight) + "baselines: [majorty]\n",
                "s.yaml:6:13: unknown baseline 'majorty'. Did you mean 'majority'? Known: "
                "majority, probe"},
        Mistake{"empty_values", after_head("  adapter: lora\n  rank: []\n"),
                "s.yaml:5:9: rank has no values, so the sweep is empty; give at least one"},
        Mistake{"empty_range", after_head("  adapter: lora\n  rank: range(5, 5)\n"),
                "s.yaml:5:9: rank is 'range(5, 5)', which has no values"},
        Mistake{"wild_range", after_head("  adapter: lora\n  rank: range(1, 1000000000)\n"),
                "s.yaml:5:9: rank is 'range(1, 1000000000)', which has over 100,000 values"},
        Mistake{"range_in_braces", after_head("  adapter: lora\n  rank: {values: range(1, 9)}\n"),
                "s.yaml:5:27: rank ends in '9)': between { and } a range needs quotes, such as "
                "'range(1, 9)'"},
        Mistake{"range_of_words", after_head("  adapter: lora\n  rank: range(a)\n"),
                "s.yaml:5:9: rank is 'range(a)'; range takes one to three whole numbers: "
                "range(stop), range(start, stop), range(start, stop, step)"},
        Mistake{
            "rank_zero", after_head("  adapter: lora\n  rank: [1, 0]\n"),
            "s.yaml:5:13: rank is the number 0; allowed is a whole number from 1 to 65536 (rank "
            "of the update)."},
        Mistake{"rank_fraction", after_head("  adapter: lora\n  rank: 1.5\n"),
                "s.yaml:5:9: rank is the number 1.5; allowed is a whole number from 1 to 65536 "
                "(rank of the update)."},
        Mistake{"alpha_zero", after_head(kRight + "  alpha: 0\n"),
                "s.yaml:6:10: alpha is the number 0; allowed is a number from 1e-09 to 1e+09 (the "
                "update is scaled by alpha/rank (alpha/sqrt(rank) with rslora); 2 * rank when left "
                "out)."},
        Mistake{"rank_too_large", after_head("  adapter: lora\n  rank: [4, 385]\n"),
                "s.yaml:5:13: rank is 385; the largest that lora allows on minilm is 384, since "
                "bert.encoder.layer.0.attention.self.query is 384 x 384"},
        Mistake{
            "unknown_module", after_head(kRight + "  target_modules: {value: [qury]}\n"),
            "s.yaml:6:27: target_modules has 'qury', which no module of the base is called. Did "
            "you mean 'query'? There are: query, key, value, dense, attention.output.dense, "
            "intermediate.dense, output.dense."},
        Mistake{"too_long", after_head(kRight + "  max_length: 513\n"),
                "s.yaml:6:15: max_length is 513; minilm has 512 positions"},
        Mistake{"list_that_could_be_one_value",
                after_head(kRight + "  target_modules: [query, value]\n"),
                "s.yaml:6:19: target_modules is a list, which could be one value or several; write "
                "{value: [...]} or {values: [[...], [...]]}"},
        Mistake{
            "wrong_choice", after_head(kRight + "  schedule: linar\n"),
            "s.yaml:6:13: schedule is the text 'linar'; allowed is constant, linear, cosine (of "
            "the learning rate, after the warm-up). Did you mean 'linear'?"},
        Mistake{"wrong_type", after_head(kRight + "  rslora: 1\n"),
                "s.yaml:6:11: rslora is the number 1; allowed is true or false (scale by "
                "alpha/sqrt(rank))."},
        Mistake{"yes_is_a_text", after_head(kRight + "  rslora: yes\n"),
                "s.yaml:6:11: rslora is the text 'yes'; allowed is true or false (scale by "
                "alpha/sqrt(rank))."},
        Mistake{"negative_rate", after_head(kRight + "  learning_rate: -1e-3\n"),
                "s.yaml:6:18: learning_rate is the number -0.001; allowed is a number from 1e-12 "
                "(of the adapter)."},
        Mistake{"rate_of_zero", after_head(kRight + "  learning_rate: [1e-3, 0]\n"),
                "s.yaml:6:25: learning_rate is the number 0; allowed is a number from 1e-12 (of "
                "the adapter)."},
        Mistake{"no_epochs", after_head(kRight + "  epochs: 0\n"),
                "s.yaml:6:11: epochs is the number 0; allowed is a number from 1e-06 to 1e+06 "
                "(passes over the training split)."},
        Mistake{"positions_form", after_head("  adapter: loreft\n  rank: 4\n  positions: first\n"),
                "s.yaml:6:14: positions is the text 'first'; allowed is fN+lM, fN or lM with whole "
                "numbers from 1 (fN+lM: the first N and the last M tokens of the prompt)."},
        Mistake{"base_of_a_number", "parameters: {base: 3, task: tweets, adapter: lora, rank: 1}\n",
                "s.yaml:1:20: base is the number 3; allowed is a name of the catalogue, a path, or "
                "a mapping with `path`"},
        Mistake{"task_metric",
                "parameters: {base: minilm, adapter: lora, rank: 1, task: {path: x, metric: "
                "acuracy}}\n",
                "s.yaml:1:76: metric is 'acuracy'; allowed: accuracy, f1, matthews, pearson, "
                "spearman, perplexity, loss. Did you mean 'accuracy'?"},
        Mistake{"task_column",
                "parameters: {base: minilm, adapter: lora, rank: 1, task: {path: x, columns: "
                "{txt: a}}}\n",
                "s.yaml:1:78: unknown key 'txt' in columns. Did you mean 'text'? Known: text, "
                "text_pair, label, id, prompt, completion"},
        Mistake{"two_tasks_of_one_name",
                "parameters: {base: minilm, adapter: lora, rank: 1, task: [a/x, b/x]}\n",
                "s.yaml:1:64: two different tasks are called 'x' (/folder/a/x and /folder/b/x); "
                "give one a `name`"}),
    [](const auto& mistake) { return mistake.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Relations, Mistakes,
    ::testing::Values(
        Mistake{"zip_of_unequal_lengths",
                after_head("  adapter: lora\n  rank: [1, 2]\n  alpha: [1, 2, 3]\n") +
                    "zip: [rank, alpha]\n",
                "s.yaml:6:3: zip: alpha has 3 values and rank has 2; values that go together need "
                "equal lengths"},
        Mistake{"zip_of_something_else", after_head(kRight) + "zip: [rank, aplha]\n",
                "s.yaml:6:6: zip names 'aplha', which this sweep does not set. Did you mean "
                "'alpha'?"},
        Mistake{"zip_of_one", after_head(kRight) + "zip: [rank]\n",
                "s.yaml:6:6: a zip group needs at least two parameters"},
        Mistake{"zip_of_seeds",
                after_head("  adapter: lora\n  rank: [1]\n  seed: [1]\n") + "zip: [rank, seed]\n",
                "s.yaml:7:6: seed cannot be zipped: it is a replicate"},
        Mistake{"zip_of_an_expression",
                after_head(kRight + "  alpha: 2 * rank\n") + "zip: [rank, alpha]\n",
                "s.yaml:6:3: alpha is an expression and cannot be zipped"},
        Mistake{
            "condition_on_nothing",
            after_head(kRight + "  dropout: {value: 0.1, when: {rnk: 4}}\n"),
            "s.yaml:6:31: dropout.when: 'rnk' at character 1 of the expression is no parameter. "
            "Did you mean 'rank'?"},
        Mistake{"condition_on_an_adapter_that_is_none",
                after_head("  rank: 4\n  adapter: [lora, loreft]\n"
                           "  dropout: {value: 0.1, when: {adapter: [lora, lorft]}}\n"),
                "s.yaml:6:31: dropout.when compares adapter with 'lorft', which it never is. Did "
                "you mean 'loreft'? Known: " +
                    kAdapters},
        Mistake{
            "condition_on_a_choice_that_is_none",
            after_head(kRight + "  schedule: [linear, cosine]\n"
                                "  warmup_ratio: {value: 0.1, when: \"'linar' != schedule\"}\n"),
            "s.yaml:7:36: warmup_ratio.when compares schedule with 'linar', which it never is. "
            "Did you mean 'linear'? Known: constant, linear, cosine"},
        Mistake{"condition_on_what_is_not_set",
                after_head(kRight + "  dropout: {value: 0.1, when: epochs > 1}\n"),
                "s.yaml:6:31: dropout.when refers to 'epochs', which this sweep does not set"},
        Mistake{"condition_that_is_none",
                after_head(kRight + "  dropout: {value: 0.1, when: rank}\n"),
                "s.yaml:6:3: dropout.when ('rank') gives 4; true or false is needed"},
        Mistake{"condition_on_seed",
                after_head(kRight + "  seed: [1]\n  dropout: {value: 0.1, when: seed == 1}\n"),
                "s.yaml:7:31: dropout.when refers to seed, which is a replicate of a cell"},
        Mistake{"circular_expression",
                after_head("  adapter: lora\n  rank: alpha / 2\n"
                           "  alpha: 2 * rank\n"),
                "s.yaml:5:3: 'rank' depends on itself: rank -> alpha -> rank"},
        Mistake{"expression_of_itself", after_head("  adapter: lora\n  rank: 2 * rank\n"),
                "s.yaml:5:3: 'rank' depends on itself: rank -> rank"},
        Mistake{
            "expression_out_of_range", after_head(kRight + "  alpha: rank - 4\n"),
            "s.yaml:6:3: alpha = rank - 4 gives 0; allowed is a number from 1e-09 to 1e+09 (the "
            "update is scaled by alpha/rank (alpha/sqrt(rank) with rslora); 2 * rank when left "
            "out)"},
        Mistake{"expression_of_a_typo", after_head(kRight + "  alpha: 2 * rnk\n"),
                "s.yaml:6:10: alpha is '2 * rnk'; allowed is a number from 1e-09 to 1e+09, or an "
                "expression such as 2 * rank: 'rnk' at character 5 of the expression is no "
                "parameter. Did you mean 'rank'?"},
        Mistake{"a_billion_cells",
                after_head("  adapter: lora\n  rank: range(1, 1001)\n  learning_rate: range(1, "
                           "1001)\n  epochs: range(1, 1001)\n"),
                "s.yaml:2:3: the sweep asks for up to 1e+09 trials (rank 1000 x learning_rate 1000 "
                "x epochs 1000); more than 100000 are taken for an accident. Give fewer values, or "
                "zip those that belong together"},
        Mistake{"select_of_what_is_not_set", after_head(kRight) + "select: learning_rate\n",
                "s.yaml:6:9: select names 'learning_rate', which this sweep does not set."},
        Mistake{"select_of_seeds", after_head(kRight + "  seed: [0, 1]\n") + "select: seed\n",
                "s.yaml:7:9: select names 'seed', which is never chosen by a metric."},
        Mistake{"rank_is_missing", after_head("  adapter: lora\n"),
                "s.yaml:4:12: lora needs 'rank' (rank of the update)"}),
    [](const auto& mistake) { return mistake.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Sections, Mistakes,
    ::testing::Values(
        Mistake{"no_parameters", "name: x\n",
                "s.yaml:1:1: the sweep has no `parameters`, so there is nothing to train"},
        Mistake{"no_base", "parameters: {task: tweets, adapter: lora, rank: 1}\n",
                "s.yaml:1:1: the sweep names no base; write it under `parameters`, such as `base: "
                "NAME`"},
        Mistake{"parameters_are_a_list", "parameters: [rank]\n",
                "s.yaml:1:13: parameters is a list; a mapping is needed (key: value)"},
        Mistake{"a_list_at_the_top", "- a\n",
                "s.yaml:1:1: the sweep is a list; a mapping is needed (key: value)"},
        Mistake{"method_typo", after_head(kRight) + "method: gird\n",
                "s.yaml:6:9: unknown method 'gird'. Did you mean 'grid'? Known: grid, random, "
                "bayes, tpe, sobol"},
        Mistake{"search_without_end",
                after_head("  adapter: lora\n  rank: [4, 8]\n") + "method: bayes\n",
                "s.yaml:6:9: the method bayes has no end of its own; give max_trials (or run_cap), "
                "max_time or max_gpu_hours"},
        Mistake{"distribution_of_a_grid",
                after_head("  adapter: lora\n  rank: 1\n  learning_rate: {min: 0.001, max: 0.1}\n"),
                "s.yaml:6:18: learning_rate has the distribution uniform, which has no list of "
                "values; the method grid takes `value`, `values`, int_uniform and q_uniform"},
        Mistake{"distribution_typo",
                after_head("  adapter: lora\n  rank: {distribution: unform, min: 1, max: 2}\n"),
                "s.yaml:5:24: unknown distribution 'unform'. Did you mean 'uniform'? Known: " +
                    kDistributions},
        Mistake{"distribution_that_is_one_of_several",
                after_head("  adapter: lora\n  rank: {distribution: log, min: 1, max: 2}\n"),
                "s.yaml:5:24: unknown distribution 'log'. Did you mean 'log_uniform', "
                "'log_uniform_values' or 'log_normal'? Known: " +
                    kDistributions},
        Mistake{"distribution_of_another_program",
                after_head("  adapter: lora\n  rank: {distribution: loguniform, min: 1, max: 2}\n"),
                "s.yaml:5:24: unknown distribution 'loguniform'. Did you mean "
                "'log_uniform_values'? Known: " +
                    kDistributions},
        Mistake{"distribution_that_is_none",
                after_head("  adapter: lora\n  rank: {distribution: poisson, mu: 2}\n"),
                "s.yaml:5:24: unknown distribution 'poisson'. Known: " + kDistributions},
        Mistake{"min_above_max", after_head("  adapter: lora\n  rank: {min: 8, max: 2}\n"),
                "s.yaml:5:15: rank.min is the number 8; it is not below max, 2"},
        Mistake{"probabilities_of_another_length",
                after_head("  adapter: lora\n  rank: {values: [1, 2], probabilities: [1]}\n"),
                "s.yaml:5:41: rank.probabilities needs one number for each of values"},
        Mistake{"metric_that_is_none", after_head(kRight) + "metric: {name: accurcy}\n",
                "s.yaml:6:16: unknown metric 'accurcy'. Did you mean 'accuracy'? Known: accuracy, "
                "f1, matthews, pearson, spearman, perplexity, loss"},
        Mistake{"metric_goal", after_head(kRight) + "metric: {name: loss, goal: minimise}\n",
                "s.yaml:6:28: metric.goal is the text 'minimise'; allowed: maximize, minimize. Did "
                "you mean 'minimize'?"},
        Mistake{
            "name_that_is_a_path", after_head(kRight) + "name: a/b\n",
            "s.yaml:6:7: the name 'a/b' becomes a folder; allowed are letters, digits, '-', '_' "
            "and '.', at most 100, not starting with '.'"},
        Mistake{"pack_of_none", after_head(kRight) + "resources: {pack: 0}\n",
                "s.yaml:6:19: resources.pack is the number 0; allowed is a whole number from 1 to "
                "1024"},
        Mistake{"unknown_resource", after_head(kRight) + "resources: {packs: 2}\n",
                "s.yaml:6:13: unknown key 'packs' in resources. Did you mean 'pack'? Known: pack, "
                "devices"},
        Mistake{"replicate_of_something", after_head(kRight) + "replicate: rank\n",
                "s.yaml:6:12: replicate is the text 'rank'; allowed: seed"},
        Mistake{"labels_of_one", after_head(kRight) + "tasks: {mine: {path: x, labels: [a]}}\n",
                "s.yaml:6:33: labels is a list; a list of at least two class names is needed, in "
                "the order of the class index"}),
    [](const auto& mistake) { return mistake.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Habits, Mistakes,
    ::testing::Values(
        Mistake{"list_without_brackets", after_head("  adapter: lora\n  rank: 1,2,4\n"),
                "s.yaml:5:9: rank is '1,2,4'; allowed is a whole number from 1 to 65536, or an "
                "expression such as 2 * rank. A list is written [1, 2, 4]."},
        Mistake{"share_in_percent", after_head(kRight + "  dropout: 10%\n"),
                "s.yaml:6:12: dropout is '10%'; allowed is a number from 0 to 0.99, or an "
                "expression such as 2 * rank. A share is written 0.1."},
        Mistake{"capitals", after_head("  adapter: LoRA\n  rank: 4\n"),
                "s.yaml:4:12: unknown adapter: the text 'LoRA'. Did you mean 'lora'? Known: " +
                    kAdapters},
        Mistake{"longer_name_of_a_method", after_head(kRight) + "method: grid_search\n",
                "s.yaml:6:9: unknown method 'grid_search'. Did you mean 'grid'? Known: grid, "
                "random, bayes, tpe, sobol"},
        Mistake{"value_left_out", after_head("  adapter: lora\n  rank:\n"),
                "s.yaml:5:3: rank is nothing; allowed is a whole number from 1 to 65536 (rank of "
                "the update)."},
        Mistake{"condition_as_a_list",
                after_head(kRight + "  dropout: {value: 0.1, when: [adapter, lora]}\n"),
                "s.yaml:6:31: dropout.when is a list; a condition is a text such as adapter == "
                "lora, or a mapping such as {adapter: lora}"},
        Mistake{"condition_with_one_equals",
                after_head(kRight + "  dropout: {value: 0.1, when: adapter = lora}\n"),
                "s.yaml:6:31: dropout.when: '=' has no meaning at character 9 of the expression; "
                "equality is =="},
        Mistake{"condition_never_met",
                after_head(
                    "  adapter: lora\n  rank: [1, 2]\n  dropout: {value: 0.1, when: rank == 3}\n"),
                "s.yaml:6:31: dropout.when never holds: it compares rank with 3, and rank is 1 or "
                "2. (A condition for other sweeps can stand in a fragment.)"},
        Mistake{"condition_on_an_adapter_that_is_not_there",
                after_head(kRight + "  dropout: {value: 0.1, when: adapter == dora}\n"),
                "s.yaml:6:31: dropout.when never holds: it compares adapter with 'dora', and "
                "adapter is 'lora'. (A condition for other sweeps can stand in a fragment.)"},
        Mistake{"condition_orders_a_text",
                after_head(kRight + "  dropout: {value: 0.1, when: adapter > 3}\n"),
                "s.yaml:6:31: dropout.when never holds: it compares adapter with 3, and adapter is "
                "'lora'. (A condition for other sweeps can stand in a fragment.)"},
        Mistake{"caret_for_a_power", after_head(kRight + "  alpha: rank^2\n"),
                "s.yaml:6:10: alpha is 'rank^2'; allowed is a number from 1e-09 to 1e+09, or an "
                "expression such as 2 * rank: '^' has no meaning at character 5 of the expression; "
                "a power is **"},
        Mistake{"expression_in_a_list", after_head(kRight + "  alpha: [2 * rank, 8]\n"),
                "s.yaml:6:11: alpha is the text '2 * rank'; allowed is a number from 1e-09 to "
                "1e+09 (the update is scaled by alpha/rank (alpha/sqrt(rank) with rslora); 2 * "
                "rank when left out). An expression stands alone, not in a list."},
        Mistake{
            "list_left_open", after_head("  adapter: [lora\n  rank: 4\n"),
            "s.yaml:5:7: this is not YAML: a list that begins with [ is not closed before this"},
        Mistake{"colon_without_blank", after_head("  adapter:lora\n  rank: 4\n"),
                "s.yaml:5:7: this is not YAML: a ':' where no key can stand; the line above may "
                "lack its ':' or the blank behind it, or this line is indented otherwise than its "
                "neighbours"},
        Mistake{
            "alias_without_anchor", after_head("  adapter: lora\n  rank: *ranks\n"),
            "s.yaml:5:9: this is not YAML: an alias (*) whose anchor (&) does not stand above it"},
        Mistake{"metric_with_its_split", after_head(kRight) + "metric: {name: val_acc}\n",
                "s.yaml:6:16: unknown metric 'val_acc'. Did you mean 'accuracy'? Known: accuracy, "
                "f1, matthews, pearson, spearman, perplexity, loss"},
        Mistake{"metrics_as_a_list", after_head(kRight) + "metric: [accuracy, f1]\n",
                "s.yaml:6:9: metric is a list; a sweep has one, of accuracy, f1, matthews, "
                "pearson, spearman, perplexity, loss, and its tables show the others"},
        Mistake{"nothing_to_search", after_head(kRight) + "method: random\nmax_trials: 3\n",
                "s.yaml:6:9: there is nothing to search over: every parameter has one value. Give "
                "one of them `values` or a distribution, or take the method grid"},
        Mistake{
            "early_terminate_as_a_text", after_head(kRight) + "early_terminate: hyperband\n",
            "s.yaml:6:18: early_terminate is the text 'hyperband'; it is a mapping with a type, "
            "such as {type: hyperband, min_iter: 1}; types: hyperband, asha, median, patience"},
        Mistake{"low_of_another_program", random_of("{low: 0.1, high: 1}"),
                "s.yaml:8:35: unknown key 'low' in parameter learning_rate; here it is `min`. "
                "Known: value, values, when, expression, parameters, distribution, probabilities, "
                "min, max, mu, sigma, a, b, q"},
        Mistake{"zip_as_a_text", after_head(kRight) + "zip: rank\n",
                "s.yaml:6:6: zip is the text 'rank'; it is a list of parameters whose values go "
                "together, such as [rank, alpha], or of such lists"},
        Mistake{"zip_names_one_twice", after_head(kRight) + "zip: [rank, rank]\n",
                "s.yaml:5:3: rank stands twice in a zip group"},
        Mistake{"select_of_what_is_computed",
                after_head(kRight + "  alpha: 2 * rank\n") + "select: [alpha]\n",
                "s.yaml:7:10: select names 'alpha', which is computed (2 * rank); select what it "
                "is computed from"},
        Mistake{"adapters_as_a_list", after_head(kRight) + "adapters: [lora]\n",
                "s.yaml:6:11: adapters is a list; it holds what is set for each adapter, by its "
                "name. Which there are stands under `parameters`, as `adapter: [...]`"},
        Mistake{"precision_in_short", after_head(kRight + "  precision: bf16\n"),
                "s.yaml:6:14: precision is the text 'bf16'; allowed is float32, bfloat16, float64 "
                "(of the computation). Did you mean 'bfloat16'?"},
        Mistake{"device_gpu", after_head(kRight) + "resources: {devices: gpu}\n",
                "s.yaml:6:22: resources.devices has 'gpu'; allowed are auto (every GPU, else the "
                "CPU), cpu, cuda (every GPU), and cuda:0, cuda:1, ..."}),
    [](const auto& mistake) { return mistake.param.name; });

TEST(AllMistakes, are_found_in_one_pass) {
  EXPECT_EQ(
      mistakes("methd: grid\nparameters:\n  base: minilm\n  task: news\n  adapter: lroa\n  rank: "
               "0\n"),
      "s.yaml:1:1: unknown key 'methd' in the sweep. Did you mean 'method'? Known: name, "
      "description, method, metric, parameters, adapters, tasks, bases, zip, select, "
      "baselines, replicate, report, resources, run_cap, max_trials, max_time, max_gpu_hours, "
      "target, search_seed, tasks_folder, early_terminate, fragments, extends, program, command, "
      "entity, project\n"
      "s.yaml:5:12: unknown adapter: the text 'lroa'. Did you mean 'lora'? Known: " +
          kAdapters +
          "\n"
          "s.yaml:6:9: rank is the number 0; allowed is a whole number from 1 to 65536 (rank of "
          "the update).");
}

}  // namespace
}  // namespace plateau
