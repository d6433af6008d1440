#include "coordinator/cli/run_summary.h"

#include <gtest/gtest.h>

namespace plateau::cli {
namespace {

RunView run_with(const std::vector<std::pair<TrialState, std::string>>& trials) {
  RunView run;
  run.name = "r";
  for (const auto& [state, reason] : trials) {
    TrialRow row;
    row.id = TrialId{static_cast<std::int64_t>(run.trials.size()) + 1};
    row.label = "t" + std::to_string(row.id.value);
    row.state = state;
    row.reason = reason;
    run.trials.push_back(row);
  }
  return run;
}

TEST(FailuresText, is_empty_when_nothing_failed) {
  EXPECT_EQ(failures_text(run_with({{TrialState::kFinished, ""}, {TrialState::kDiverged, ""}})),
            "");
}

TEST(FailuresText, says_a_shared_reason_once) {
  EXPECT_EQ(failures_text(run_with({{TrialState::kFailed, "no weights"},
                                    {TrialState::kFailed, "no weights"},
                                    {TrialState::kFinished, ""}})),
            "2 trials failed, all for the same reason: no weights\n");
}

TEST(FailuresText, groups_trials_by_their_reason) {
  EXPECT_EQ(
      failures_text(run_with(
          {{TrialState::kFailed, "a"}, {TrialState::kFailed, "b"}, {TrialState::kFailed, "a"}})),
      "3 trials failed:\n  t1, t3: a\n  t2: b\n");
  EXPECT_EQ(failures_text(run_with({{TrialState::kFailed, "a"}})), "1 trial failed:\n  t1: a\n");
}

TEST(SummaryJson, has_counts_failures_and_paths) {
  const nlohmann::json json =
      summary_json(run_with({{TrialState::kFailed, "a"}, {TrialState::kQueued, ""}}), "/runs/r",
                   {"/runs/r/results/table.md"}, true);
  EXPECT_EQ(json["counts"]["total"], 2);
  EXPECT_EQ(json["counts"]["failed"], 1);
  EXPECT_EQ(json["counts"]["queued"], 1);
  EXPECT_EQ(json["failed"][0]["reason"], "a");
  EXPECT_EQ(json["results"][0], "/runs/r/results/table.md");
  EXPECT_EQ(json["interrupted"], true);
}

}  // namespace
}  // namespace plateau::cli
