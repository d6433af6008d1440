#include "coordinator/search/director.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau::search {
namespace {

using ::testing::HasSubstr;

Sweep study(SearchMethod method) {
  Sweep sweep = plateau::testing::read(std::string(plateau::testing::kHead) +
                                       "  adapter: [lora, dora]\n  rank: [1, 2, 4, 8]\n"
                                       "  learning_rate: 1e-3\n")
                    .value();
  for (SweepParameter& parameter : sweep.parameters) {
    if (parameter.name != "learning_rate") continue;
    parameter.values.clear();
    parameter.distribution = Distribution{LogUniform{1e-5, 1e-1}};
  }
  sweep.search.method = method;
  sweep.search.budgets.max_trials = 40;
  return sweep;
}

// What happened in a run, in its order.
struct Proposed {
  Point point;
  std::vector<TrackedTrial> trials;
};
struct Evaluated {
  TrialId trial;
  std::int64_t step = 0;
  double value = 0;
};
struct Ended {
  TrialId trial;
  TrialEnd end = TrialEnd::kFinished;
};
using Happening = std::variant<Proposed, Evaluated, Ended>;

void tell(Director& director, const Happening& what) {
  if (const auto* proposed = std::get_if<Proposed>(&what)) {
    director.add_cell(proposed->point, proposed->trials);
  } else if (const auto* evaluated = std::get_if<Evaluated>(&what)) {
    director.evaluated(evaluated->trial, evaluated->step, evaluated->value);
  } else {
    director.ended(std::get<Ended>(what).trial, std::get<Ended>(what).end, std::nullopt);
  }
}

// What a new director is told: cells, then evaluations, then ends, as a store has them.
Director restored(const Sweep& sweep, const std::vector<Happening>& story) {
  Director director = Director::of(sweep, plateau::testing::sources()).value();
  for (std::size_t kind = 0; kind < 3; ++kind) {
    for (const Happening& what : story) {
      if (what.index() == kind) tell(director, what);
    }
  }
  (void)director.stops();
  return director;
}

// One run of four places. Each turn one trial evaluates; after five evaluations it ends. With
// `crashes` the director is thrown away before every turn.
std::vector<std::string> decisions_of_a_run(const Sweep& sweep, bool crashes) {
  std::vector<std::string> log;
  std::vector<Happening> story;
  Director director = Director::of(sweep, plateau::testing::sources()).value();
  const auto happens = [&](Happening what) {
    tell(director, what);
    story.push_back(std::move(what));
  };
  struct Training {
    TrialId trial;
    double quality = 0;
    std::int64_t evaluations = 0;
  };
  std::vector<Training> training;
  std::int64_t last_id = 0;
  for (std::size_t turn = 0; turn < 2000; ++turn) {
    if (crashes) director = restored(sweep, story);
    while (training.size() < 4) {
      const std::optional<ProposedCell> cell = director.propose();
      if (!cell) break;
      EXPECT_EQ(cell->trials.size(), 1U) << cell->problem;
      const PlannedTrial& planned = cell->trials.at(0);
      const TrialId id{++last_id};
      const double rate = std::log10(planned.optimizer->learning_rate);
      training.push_back({id, 0.9 - 0.05 * std::pow(rate + 3, 2), 0});
      log.push_back(to_json(cell->point).dump() + " " + cell->reason);
      happens(Proposed{cell->point, {tracked(id, planned.trial(), hex_of(planned.keys.cell))}});
    }
    if (training.empty()) break;
    const std::size_t turns = (turn * 7 + turn / 5) % training.size();
    Training& one = training[turns];
    ++one.evaluations;
    happens(Evaluated{one.trial, one.evaluations * 10,
                      one.quality * (1 - std::exp(-static_cast<double>(one.evaluations)))});
    std::optional<TrialEnd> end;
    for (const StopDecision& stop : director.stops()) {
      log.push_back("stop " + std::to_string(stop.trial.value) + " " + stop.reason);
      EXPECT_EQ(stop.trial, one.trial);
      end = TrialEnd::kStopped;
    }
    if (!end && one.evaluations == 5) end = TrialEnd::kFinished;
    if (end) {
      happens(Ended{one.trial, *end});
      training.erase(training.begin() + static_cast<std::ptrdiff_t>(turns));
    }
  }
  log.push_back(director.why_done());
  return log;
}

class EverySearch : public ::testing::TestWithParam<SearchMethod> {};

TEST_P(EverySearch, decides_the_same_with_a_crash_before_every_turn) {
  Sweep sweep = study(GetParam());
  sweep.search.early_terminate = Asha{1, std::nullopt, 3};
  const std::vector<std::string> whole = decisions_of_a_run(sweep, false);
  EXPECT_EQ(decisions_of_a_run(sweep, true), whole);
  const auto stops = std::count_if(whole.begin(), whole.end(), [](const std::string& line) {
    return line.rfind("stop", 0) == 0;
  });
  EXPECT_GT(stops, 10);
  EXPECT_EQ(whole.size(), 40U + static_cast<std::size_t>(stops) + 1);
  EXPECT_THAT(whole.back(), HasSubstr("40 trials were proposed"));
}

INSTANTIATE_TEST_SUITE_P(Director, EverySearch,
                         ::testing::Values(SearchMethod::kRandom, SearchMethod::kSobol,
                                           SearchMethod::kTpe, SearchMethod::kBayes));

TrackedTrial trial(std::int64_t id, const char* cell, const char* task = "task") {
  return {TrialId{id}, cell, task};
}

Director grid_with(EarlyTerminate rule, bool stops_replicates) {
  Sweep sweep = study(SearchMethod::kGrid);
  sweep.search.early_terminate = rule;
  sweep.search.stops_replicates = stops_replicates;
  return Director::of(sweep, plateau::testing::sources()).value();
}

// Three trials of the first rung; the last is the worst. Cell "b" may have a finished sibling.
std::vector<StopDecision> stops_of(Director director, bool sibling_finished) {
  director.add_trial(trial(1, "a"));
  director.add_trial(trial(2, "c"));
  director.add_trial(trial(3, "b"));
  director.add_trial(trial(4, "b"));
  if (sibling_finished) director.ended(TrialId{3}, TrialEnd::kFinished, 0.9);
  director.evaluated(TrialId{1}, 1, 0.8);
  director.evaluated(TrialId{2}, 1, 0.7);
  (void)director.stops();
  director.evaluated(TrialId{4}, 1, 0.6);
  return director.stops();
}

TEST(Director, a_replicate_with_a_finished_sibling_is_stopped_only_when_told_to) {
  const Asha asha{1, std::nullopt, 3};
  const std::vector<StopDecision> stopped = stops_of(grid_with(asha, false), false);
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].trial, TrialId{4});
  EXPECT_THAT(stopped[0].reason, HasSubstr("number 3 of 3"));
  EXPECT_TRUE(stops_of(grid_with(asha, false), true).empty());
  EXPECT_EQ(stops_of(grid_with(asha, true), true).size(), 1U);
}

TEST(Director, a_stop_metric_is_compared_in_place_of_the_sweep_s) {
  Sweep sweep = study(SearchMethod::kGrid);
  sweep.search.early_terminate = Asha{1, std::nullopt, 3};
  sweep.search.stop_metric = "loss";
  Director director = Director::of(sweep, plateau::testing::sources()).value();
  // All have the same accuracy; the losses tell them apart, and less is better.
  for (std::int64_t id = 1; id <= 3; ++id) {
    director.add_trial(trial(id, std::to_string(id).c_str()));
    director.evaluated(TrialId{id}, 1, 0.5);
    EXPECT_TRUE(director.stops().empty()) << "judged by the sweep's metric";
  }
  director.evaluated_to_stop(TrialId{1}, 1, 0.7);
  director.evaluated_to_stop(TrialId{2}, 1, 0.8);
  EXPECT_TRUE(director.stops().empty());
  director.evaluated_to_stop(TrialId{3}, 1, 0.9);
  const std::vector<StopDecision> stopped = director.stops();
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].trial, TrialId{3});
  EXPECT_THAT(stopped[0].reason, HasSubstr("its loss of 0.9 after 1 evaluations is number 3 of 3"));
  // Repeated after a checkpoint: judged once.
  director.evaluated_to_stop(TrialId{2}, 1, 0.95);
  EXPECT_TRUE(director.stops().empty());
}

TEST(Director, trials_of_other_tasks_are_not_compared_with) {
  Director director = grid_with(Asha{1, std::nullopt, 3}, false);
  for (std::int64_t id = 1; id <= 3; ++id)
    director.add_trial(trial(id, "x", id == 3 ? "hard" : "easy"));
  for (std::int64_t id = 1; id <= 3; ++id)
    director.evaluated(TrialId{id}, 1, 0.9 - 0.2 * static_cast<double>(id));
  EXPECT_TRUE(director.stops().empty());
}

TEST(Director, the_target_ends_the_search) {
  Sweep sweep = study(SearchMethod::kTpe);
  sweep.search.budgets.target = 0.9;
  Director director = Director::of(sweep, plateau::testing::sources()).value();
  director.add_cell(director.propose()->point, {trial(1, "a")});
  director.ended(TrialId{1}, TrialEnd::kFinished, 0.89);
  ASSERT_TRUE(director.propose());
  director.add_cell(director.propose()->point, {trial(2, "b")});
  director.ended(TrialId{2}, TrialEnd::kFinished, 0.91);
  EXPECT_FALSE(director.propose());
  EXPECT_EQ(director.why_done(), "trial 2 reached the target of 0.9");
}

TEST(Director, a_cell_that_cannot_be_trained_says_why_and_the_search_goes_on) {
  Sweep sweep = study(SearchMethod::kSobol);
  for (SweepParameter& parameter : sweep.parameters) {
    if (parameter.name != "rank") continue;
    parameter.values.clear();
    parameter.distribution = Distribution{IntUniform{300, 500}};  // a matrix has at most 384
  }
  Director director = Director::of(sweep, plateau::testing::sources()).value();
  int problems = 0;
  for (int i = 0; i < 20; ++i) {
    const ProposedCell cell = director.propose().value();
    EXPECT_EQ(cell.trials.empty(), !cell.problem.empty());
    if (!cell.problem.empty()) {
      ++problems;
      EXPECT_THAT(cell.problem, HasSubstr("the largest that"));
    }
    std::vector<TrackedTrial> trials;
    if (cell.problem.empty()) trials.push_back(trial(i, "a"));
    director.add_cell(cell.point, trials);
  }
  EXPECT_GT(problems, 5);
  EXPECT_LT(problems, 16);
}

}  // namespace
}  // namespace plateau::search
