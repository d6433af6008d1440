// What a person would want to know of a sweep file that is right, with the whole text.
#include <gtest/gtest.h>

#include "common/base/text.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;

struct Notice {
  const char* name;
  std::string text;
  std::vector<std::string> notices, warnings;
};

class Notices : public ::testing::TestWithParam<Notice> {};

TEST_P(Notices, are_given_with_place) {
  const SweepPlan made = plan(GetParam().text);
  EXPECT_EQ(made.notices, GetParam().notices);
  EXPECT_EQ(made.warnings, GetParam().warnings);
}

// Line 1 to 3 are kHead; what is added starts in line 4.
std::string after_head(const std::string& more) {
  return kHead + more;
}
const std::string kRight = "  adapter: lora\n  rank: 4\n";

Notice late(const char* name, const std::string& rule, const std::string& look,
            const std::string& last = "2") {
  return {name,
          after_head(kRight) + "early_terminate: {type: " + rule + "}\n",
          {},
          {"s.yaml:6:18: early_terminate stops nothing: it " + look +
           ", and a trial's last is number " + last +
           " (evaluations); give more of those, or let it look earlier"}};
}

INSTANTIATE_TEST_SUITE_P(
    Sections, Notices,
    ::testing::Values(
        Notice{"none", after_head(kRight) + "adapters: {lora: {dropout: 0.1}}\n", {}, {}},
        Notice{"section_of_an_adapter_that_is_not_there",
               after_head(kRight) + "adapters: {lora: {dropout: 0.1}, loreft: {positions: f1}}\n",
               {"s.yaml:6:34: what adapters sets for 'loreft' is not used: the sweep's adapter is "
                "lora"},
               {}},
        Notice{"section_of_a_task_that_is_not_there",
               after_head(kRight) + "tasks: {news: {max_length: 32}}\n",
               {"s.yaml:6:9: what tasks sets for 'news' is not used: the sweep's task is tweets"},
               {}},
        Notice{"section_in_a_fragment",
               "fragments: {all: {adapters: {loreft: {positions: f1}}}}\nextends: all\n" +
                   after_head(kRight),
               {},
               {}},
        Notice{
            "condition_in_a_grid",
            after_head(
                "  adapter: lora\n  rank: [1, 2]\n  dropout: {value: 0.1, when: rank > 1}\n"),
            {"s.yaml:6:3: 'dropout' is left out of 1 of 2 cells, where its `when` (rank > 1) does "
             "not hold"},
            {"1 seed and 2 ranks are too few to show a plateau; five of each are a start"}},
        Notice{"condition_in_a_search",
               after_head(
                   "  adapter: lora\n  rank: [1, 2]\n  dropout: {value: 0.1, when: rank > 1}\n") +
                   "method: random\nmax_trials: 5\n",
               {"a search: its trials are chosen while it runs, at most 5"},
               {}},
        Notice{"sections_that_say_what_there_is",
               after_head("  rank: 4\n") + "adapters: {lora: {}, loreft: {}}\n",
               {},
               {}}),
    [](const auto& notice) { return notice.param.name; });

INSTANTIATE_TEST_SUITE_P(
    EarlyTerminate, Notices,
    ::testing::Values(
        Notice{"in_time", after_head(kRight) + "early_terminate: {type: asha}\n", {}, {}},
        late("patience", "patience, iterations: 1", "may first stop a trial after evaluation 2"),
        late("median", "median, min_iter: 5", "may first stop a trial after evaluation 5"),
        late("asha", "asha, min_iter: 2", "may first stop a trial after evaluation 2"),
        late("asha_of_one_rung", "asha, min_iter: 1, max_iter: 1", "looks at no evaluation"),
        late("hyperband_from_below", "hyperband, min_iter: 3",
             "may first stop a trial after evaluation 3"),
        late("hyperband_from_above", "hyperband, max_iter: 27, s: 2",
             "may first stop a trial after evaluation 3"),
        Notice{"hyperband_in_time",
               after_head(kRight + "  evaluations: 27\n") +
                   "early_terminate: {type: hyperband, max_iter: 27, s: 2}\n",
               {},
               {}},
        Notice{"in_time_in_some_trials_of_a_search",
               after_head(kRight + "  evaluations: {min: 2, max: 9}\n") +
                   "method: random\nmax_trials: 5\nearly_terminate: {type: median, min_iter: 4}\n",
               {"a search: its trials are chosen while it runs, at most 5"},
               {}},
        Notice{"late_in_a_search",
               after_head(kRight + "  evaluations: {min: 2, max: 9}\n") +
                   "method: random\nmax_trials: 5\nearly_terminate: {type: median, min_iter: 9}\n",
               {"a search: its trials are chosen while it runs, at most 5"},
               {"s.yaml:9:18: early_terminate stops nothing: it may first stop a trial after "
                "evaluation 9, and a trial's last is number 9 (evaluations); give more of those, "
                "or let it look earlier"}}),
    [](const auto& notice) { return notice.param.name; });

}  // namespace
}  // namespace plateau
