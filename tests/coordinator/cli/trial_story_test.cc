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

TrialPast::Attempt an_attempt(std::int64_t number, TimeMs queued_ms) {
  TrialPast::Attempt attempt;
  attempt.facts.attempt = AttemptNumber{number};
  attempt.facts.node = "node-a";
  attempt.facts.queued_wall_ms = queued_ms;
  attempt.facts.assigned_wall_ms = queued_ms + 5'000;
  attempt.facts.started_wall_ms = queued_ms + 6'000;
  return attempt;
}

TEST(TrialStory, tells_waits_attempts_and_ends_in_their_order) {
  TrialPast past;
  past.status = TrialStatus::kQueued;
  past.retry.charged = 1;
  past.retry.alone = true;
  past.resume = ResumePoint{AttemptNumber{1}, 40, {}};
  past.attempts = {an_attempt(1, 1'000), an_attempt(2, 60'000)};
  past.attempts[0].facts.ended_wall_ms = 60'000;
  past.attempts[0].facts.end = AttemptEnd::kWorkerLost;
  past.attempts[0].facts.message = "worker node-a was silent for 10 s";
  past.attempts[1].start_step = 20;
  past.attempts[1].alone = true;
  past.attempts[1].ran_already = 1;
  past.attempts[1].begun_meanwhile = 3;
  past.attempts[1].facts.ended_wall_ms = 90'000;
  past.attempts[1].facts.end = AttemptEnd::kCrashedAlone;
  past.attempts[1].facts.charged = true;
  past.attempts[1].facts.message = "signal 11";
  past.notes = {{4'000, true, "worker node-a came"}, {90'000, false, "charged 1 of 3"}};
  past.queued_ms = 90'000;
  past.queued_before = 7;
  past.running_now = 2;
  past.set_aside = {{"node-b", "no driver"}};
  const std::string story = trial_story(two_trials().trials[0], past, 100'000, false);
  std::size_t at = 0;
  for (const char* said :
       {"Trial 1, lora-r1, is queued", "00:00:01Z  it is queued",
        "00:00:04Z  (the run: worker node-a came)",
        "00:00:06Z  attempt 1 goes to node-a, slot 0, after it waited 5 s with nothing else "
        "running",
        "attempt 1 begins", "attempt 1 ends: worker lost. worker node-a was silent for 10 s",
        "attempt 2 goes to node-a, slot 0, alone in its trainer, after it waited 5 s while 1 other "
        "trial ran and 3 more began",
        "attempt 2 goes on from the checkpoint of step 20",
        "attempt 2 ends: crashed alone (counted against the trial). signal 11", "charged 1 of 3",
        "It waits since 10 s: 7 queued trials before it, 2 running", "goes on from step 40",
        "node-b is set aside: no driver", "No coordinator works on the run",
        "1 attempt counts against it", "runs alone"}) {
    const std::size_t found = story.find(said, at);
    EXPECT_NE(found, std::string::npos) << said << " is missing, or out of order, in\n" << story;
    if (found != std::string::npos) at = found;
  }
}

TEST(TrialStory, of_one_that_runs_and_of_one_that_was_never_sent) {
  TrialPast past;
  past.status = TrialStatus::kRunning;
  past.attempts = {an_attempt(1, 1'000)};
  past.resume = ResumePoint{AttemptNumber{1}, 40, {}};
  EXPECT_THAT(trial_story(two_trials().trials[0], past, 17'000, true),
              HasSubstr("Attempt 1 on node-a goes on since 10 s; its newest checkpoint is of step "
                        "40."));
  past = {};
  past.queued_ms = 1'000;
  past.queued_before = 1;
  const std::string story = trial_story(two_trials().trials[0], past, 3'000, true);
  EXPECT_THAT(story, HasSubstr("It was never sent to a worker"));
  EXPECT_THAT(story, HasSubstr("It waits since 2 s: 1 queued trial before it, 0 running"));
}

}  // namespace
}  // namespace plateau::cli
