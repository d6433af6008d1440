#include "coordinator/cli/trial_story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plateau::cli {
namespace {

using ::testing::HasSubstr;

RunView two_trials() {
  RunView run;
  run.name = "r";
  for (std::int64_t i = 1; i <= 2; ++i) {
    TrialRow row;
    row.id = TrialId{i};
    row.label = "lora-r" + std::to_string(i);
    row.key = (i == 1 ? "abcd" : "abce") + std::string(60, '0');
    row.folder = "trials/" + row.label + "-abc";
    run.trials.push_back(row);
  }
  return run;
}

TEST(FindTrial, by_number_label_key_and_folder) {
  const RunView run = two_trials();
  for (const char* wanted : {"2", "lora-r2", "abce", "trials/lora-r2-abc", "lora-r2-abc"}) {
    const Result<const TrialRow*> found = find_trial(run, wanted);
    ASSERT_TRUE(found) << wanted;
    EXPECT_EQ((*found)->id.value, 2) << wanted;
  }
  EXPECT_THAT(find_trial(run, "lora-r3").error().message, HasSubstr("Did you mean"));
  EXPECT_FALSE(find_trial(run, "abc")) << "three digits of a key are too few";
}

TEST(FindTrial, an_ambiguous_name_lists_the_numbers) {
  RunView run = two_trials();
  run.trials[1].label = run.trials[0].label;
  const Result<const TrialRow*> found = find_trial(run, "lora-r1");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(found.error().message, HasSubstr("1, 2"));
}

TEST(TrialStory, tells_attempts_waits_and_ends) {
  const RunView run = two_trials();
  RestoredTrial past;
  past.facts.id = TrialId{1};
  past.status = TrialStatus::kQueued;
  past.retry.charged = 1;
  past.retry.alone = true;
  past.resume = ResumePoint{AttemptNumber{1}, 40, {}};
  PastAttempt attempt;
  attempt.attempt = AttemptNumber{1};
  attempt.node = "node-a";
  attempt.queued_wall_ms = 1'000;
  attempt.assigned_wall_ms = 6'000;
  attempt.started_wall_ms = 7'000;
  attempt.ended_wall_ms = 60'000;
  attempt.end = AttemptEnd::kCrashedAlone;
  attempt.charged = true;
  attempt.message = "signal 11";
  past.attempts = {attempt};
  const std::string story = trial_story(run.trials[0], past, {{"node-b", "no driver"}}, 100'000);
  for (const char* said : {"Trial 1, lora-r1, is queued", "attempt 1 on node-a", "waited 5 s",
                           "counted against the trial", "signal 11", "runs alone",
                           "goes on from step 40", "node-b is set aside: no driver"}) {
    EXPECT_THAT(story, HasSubstr(said));
  }
}

}  // namespace
}  // namespace plateau::cli
