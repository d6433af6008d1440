// Who may report what: sessions, attempts, sequences; lost messages; restarts of either side.
// tests/PROMISES.md says what was taken out to see each fail.
#include "tests/coordinator/scheduler/harness.h"

namespace plateau {
namespace {

using SessionsTest = SchedulerTest;
using T = TrialBuilder;

TEST_F(SessionsTest, an_unknown_session_is_told_to_say_hello) {
  submit_equal(1);
  happen(event::Heartbeat{SessionId{9}, {}});
  EXPECT_EQ(take<action::Refuse>().reason, action::Refuse::Reason::kUnknownSession);
  happen(event::Report{SessionId{9}, 1, ref(1, 1), report::Finished{"{}", {}}});
  EXPECT_EQ(take<action::Refuse>().reason, action::Refuse::Reason::kUnknownSession);
  EXPECT_EQ(status(1), TrialStatus::kQueued);
}

TEST_F(SessionsTest, a_report_of_an_old_attempt_is_dropped_noted_and_acknowledged) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  const SessionId b = worker(2, "b", {1});
  happen(event::ConnectionLost{a, "gone"});
  expect_assigned(b, {ref(1, 2)});
  worker(1, "a", {1}, {ref(1, 1)});  // it was alive after all
  EXPECT_TRUE(last_welcome_.keep.empty());
  records<record::Note>();
  finish(a, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kAssigned);
  ASSERT_EQ(records<record::Note>().size(), 1u);
  finish(b, ref(1, 2));
  EXPECT_EQ(status(1), TrialStatus::kFinished);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(SessionsTest, an_old_attempt_of_the_very_session_that_has_the_new_one_is_dropped) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  fail(a, ref(1, 1), FailureKind::kTrainerCrashed, {1});
  expect_assigned(a, {ref(1, 2)});
  finish(a, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kAssigned);
}

TEST_F(SessionsTest, the_right_attempt_from_the_wrong_session_is_dropped) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  const SessionId b = worker(2, "b", {1});
  expect_assigned(a, {ref(1, 1)});
  finish(b, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kAssigned);
}

TEST_F(SessionsTest, a_repeated_report_is_acknowledged_again_and_counts_once) {
  submit_equal(2);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  finish(a, ref(1, 1));
  expect_assigned(a, {ref(2, 1)});
  records<record::Result>();
  happen(event::Report{a, 2, ref(1, 1), report::Finished{"{}", {}}});
  EXPECT_EQ(take<action::Ack>().sequence, 2u);
  happen(event::Report{a, 1, ref(1, 1), report::Started{SlotIndex{0}, 0, 100}});
  EXPECT_EQ(take<action::Ack>().sequence, 2u);  // never less than was acknowledged before
  EXPECT_TRUE(records_.empty());
}

TEST_F(SessionsTest, a_report_behind_a_gap_waits_until_the_gap_is_closed) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  happen(event::Report{a, 2, ref(1, 1), report::Finished{"{}", {}}});
  expect_nothing_else();
  EXPECT_EQ(status(1), TrialStatus::kAssigned);
  start(a, ref(1, 1));
  finish(a, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kFinished);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(SessionsTest, a_result_state_and_acknowledgement_are_one_group_and_commits_come_first) {
  submit_equal(2);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  const std::vector<Action> actions = scheduler_.apply(
      event::Report{a, 1, ref(1, 1), report::Finished{R"({"steps": 3})", {}}}, now_ms_);
  std::vector<std::size_t> kinds;
  bool acked = false;
  std::size_t results = 0;
  for (const Action& action : actions) {
    if (std::holds_alternative<action::Ack>(action)) acked = true;
    const auto* commit = std::get_if<action::Commit>(&action);
    if (commit == nullptr) continue;
    if (std::holds_alternative<record::Result>(commit->record)) ++results;
    if (const auto* session = std::get_if<record::Session>(&commit->record)) {
      EXPECT_FALSE(acked);
      EXPECT_EQ(session->acked_sequence, 1u);
    }
  }
  EXPECT_EQ(results, 1u);
  EXPECT_TRUE(acked);
}

TEST_F(SessionsTest, progress_is_shown_and_leaves_no_record) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  records_.clear();
  happen(event::Report{a, 0, ref(1, 1), report::Progress{30, 100, 0.5, 2000.0}});
  EXPECT_TRUE(records_.empty());
  const auto& running = std::get<phase::Running>(scheduler_.find(TrialId{1})->phase);
  EXPECT_EQ(running.step, 30);
}

TEST_F(SessionsTest, an_assignment_that_did_not_arrive_is_sent_again_as_the_same_attempt) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  heartbeat(a, {});
  expect_nothing_else();  // it may be on its way
  advance(2'000);
  heartbeat(a, {});
  expect_assigned(a, {ref(1, 1)});
  heartbeat(a, {ref(1, 1)});
  advance(5'000);
  heartbeat(a, {ref(1, 1)});
  expect_nothing_else();
}

TEST_F(SessionsTest, a_heartbeat_with_what_is_not_current_is_answered_with_cancel) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  happen(event::StopTrial{TrialId{1}, "enough"});
  take<action::Cancel>();
  expect_run_ended(action::RunEnded::How::kComplete);
  heartbeat(a, {ref(1, 1)});  // the first Cancel was lost
  EXPECT_EQ(take<action::Cancel>().attempt, ref(1, 1));
}

TEST_F(SessionsTest, an_ended_attempt_whose_ack_is_on_its_way_is_not_cancelled) {
  submit_equal(2);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  finish(a, ref(1, 1));
  expect_assigned(a, {ref(2, 1)});
  heartbeat(a, {ref(1, 1), ref(2, 1)});
  expect_nothing_else();
}

TEST_F(SessionsTest, a_running_trial_that_its_worker_does_not_list_for_a_lease_is_queued_again) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  advance(6'000);
  heartbeat(a, {});
  EXPECT_EQ(status(1), TrialStatus::kRunning);
  advance(6'000);
  heartbeat(a, {});
  EXPECT_EQ(take<action::Cancel>().attempt, ref(1, 1));
  expect_assigned(a, {ref(1, 2)});
}

TEST_F(SessionsTest, a_cut_off_worker_that_comes_back_in_time_goes_on_with_its_attempt) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  advance(10'001);
  EXPECT_EQ(status(1), TrialStatus::kQueued);
  worker(1, "a", {1}, {ref(1, 1)});
  EXPECT_EQ(last_welcome_.keep, std::vector{ref(1, 1)});
  EXPECT_EQ(status(1), TrialStatus::kRunning);
  finish(a, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kFinished);
  EXPECT_EQ(scheduler_.find(TrialId{1})->attempts.size(), 1u);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(SessionsTest, an_attempt_that_ended_by_its_own_report_is_not_revived) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  report(a, ref(1, 1), report::HandedBack{"SIGTERM"});
  // The acknowledgement was lost: the worker lists the attempt still.
  worker(1, "a", {1}, {ref(1, 1)});
  EXPECT_TRUE(last_welcome_.keep.empty());
  EXPECT_EQ(status(1), TrialStatus::kQueued);
}

TEST_F(SessionsTest, an_attempt_is_revived_for_its_own_session_only) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  happen(event::ConnectionLost{a, "gone"});
  worker(2, "b", {1}, {ref(1, 1)});
  EXPECT_TRUE(last_welcome_.keep.empty());
  expect_assigned(SessionId{2}, {ref(1, 2)});
}

TEST_F(SessionsTest, an_attempt_is_revived_only_where_there_is_still_room_for_it) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  happen(event::ConnectionLost{a, "gone"});
  submit({T(2).expected(50)});
  worker(1, "a", {1});  // an old Hello, or one that lists less
  expect_assigned(a, {ref(2, 1)});
  worker(1, "a", {1}, {ref(1, 1), ref(2, 1)});
  EXPECT_EQ(last_welcome_.keep, std::vector{ref(2, 1)});
  EXPECT_EQ(status(1), TrialStatus::kQueued);
}

TEST_F(SessionsTest, hello_again_from_a_live_worker_keeps_what_it_holds) {
  submit_equal(2);
  const SessionId a = worker(1, "a", {2});
  expect_assigned(a, {ref(1, 1), ref(2, 1)});
  start(a, ref(1, 1));
  worker(1, "a", {2}, {ref(1, 1)});
  EXPECT_EQ(last_welcome_.keep, std::vector{ref(1, 1)});
  EXPECT_EQ(last_welcome_.hello_number, hellos_);
  expect_assigned(a, {ref(2, 1)});  // it did not arrive: the same attempt once more
}

TEST_F(SessionsTest, a_session_that_goes_on_in_a_new_process_keeps_its_results_and_gets_work) {
  submit_equal(3);
  const SessionId a = worker(1, "a", {2});
  expect_assigned(a, {ref(1, 1), ref(2, 1)});
  start(a, ref(1, 1));
  start(a, ref(2, 1));
  // Trial 1 had finished and was not acknowledged; trial 2 died with the process.
  event::Hello again = hello(1, "a", {2}, {ref(1, 1)});
  again.pid = 4242;
  happen(again);
  EXPECT_EQ(take<action::Welcome>().keep, std::vector{ref(1, 1)});
  EXPECT_EQ(scheduler_.find(TrialId{2})->attempts[0].end, AttemptEnd::kWorkerLost);
  expect_assigned(a, {ref(2, 2)});
  finish(a, ref(1, 1));
  EXPECT_EQ(status(1), TrialStatus::kFinished);
  expect_assigned(a, {ref(3, 1)});
}

TEST_F(SessionsTest, what_a_new_process_hands_back_of_the_old_one_does_not_mean_that_it_ends) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  happen(event::ConnectionLost{a, "killed"});
  event::Hello again = hello(1, "a", {1}, {ref(1, 1)});
  again.pid = 4242;
  happen(again);
  EXPECT_EQ(take<action::Welcome>().keep, std::vector{ref(1, 1)});
  report(a, ref(1, 1), report::HandedBack{"the worker process was started anew"});
  expect_assigned(a, {ref(1, 2)});
  // But what it was given since and gives back means that.
  report(a, ref(1, 2), report::HandedBack{"SIGTERM"});
  expect_nothing_else();
}

TEST_F(SessionsTest, welcome_tells_the_last_committed_sequence_also_after_an_absence) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  advance(20'000);
  worker(1, "a", {1});
  EXPECT_EQ(last_welcome_.acked_sequence, 1u);
  expect_assigned(a, {ref(1, 2)});
}

TEST_F(SessionsTest, a_coordinator_that_knows_less_goes_on_from_the_workers_first_sequence) {
  submit_equal(1);
  event::Hello event = hello(1, "a", {1});
  event.first_sequence = 8;
  happen(event);
  EXPECT_EQ(take<action::Welcome>().acked_sequence, 7u);
  expect_assigned(SessionId{1}, {ref(1, 1)});
}

// ---- restarts of the coordinator ----------------------------------------------------------------

event::Restored restored_running(TrialStatus status) {
  event::Restored restored;
  restored.wall_ms = 1'700'000'000'000;
  RestoredTrial trial;
  trial.facts = T(1).facts;
  trial.status = status;
  PastAttempt past;
  past.attempt = AttemptNumber{1};
  past.session = SessionId{1};
  past.node = "a";
  past.assigned_wall_ms = restored.wall_ms - 60'000;
  past.started_wall_ms = status == TrialStatus::kRunning ? restored.wall_ms - 50'000 : 0;
  trial.attempts.push_back(past);
  restored.trials.push_back(trial);
  restored.trials.push_back({T(2).facts, TrialStatus::kQueued, "", {}, {}, {}});
  restored.trials.push_back({T(3).facts, TrialStatus::kFinished, "", {}, {}, {}});
  PastAttempt done = past;
  done.started_wall_ms = restored.wall_ms - 50'000;
  done.ended_wall_ms = restored.wall_ms - 40'000;
  done.end = AttemptEnd::kFinished;
  restored.trials.back().attempts.push_back(done);
  restored.sessions.push_back({SessionId{1}, "a", "a", 1001, 5});
  return restored;
}

TEST_F(SessionsTest, after_a_restart_running_trials_are_adopted_and_finished_ones_left_alone) {
  happen(restored_running(TrialStatus::kRunning));
  expect_nothing_else();
  EXPECT_EQ(status(1), TrialStatus::kRunning);
  worker(1, "a", {2}, {ref(1, 1)});
  EXPECT_EQ(last_welcome_.keep, std::vector{ref(1, 1)});
  EXPECT_EQ(last_welcome_.acked_sequence, 5u);
  const SessionId a{1};
  sequences_[a] = 5;
  expect_assigned(a, {ref(2, 1)});
  finish(a, ref(1, 1));
  EXPECT_EQ(scheduler_.find(TrialId{1})->attempts.size(), 1u);
  EXPECT_EQ(status(3), TrialStatus::kFinished);
}

TEST_F(SessionsTest, after_a_restart_an_assignment_that_may_not_have_left_is_sent_again) {
  happen(restored_running(TrialStatus::kAssigned));
  worker(1, "a", {2}, {});
  const SessionId a{1};
  expect_assigned(a, {ref(1, 1), ref(2, 1)});
}

TEST_F(SessionsTest, after_a_restart_a_worker_that_does_not_come_back_is_lost_after_a_lease) {
  happen(restored_running(TrialStatus::kRunning));
  const SessionId b = worker(2, "b", {1});
  expect_assigned(b, {ref(2, 1)});
  advance(10'001);
  EXPECT_EQ(status(1), TrialStatus::kQueued);
  EXPECT_EQ(status(2), TrialStatus::kQueued);  // b was silent as well
  EXPECT_EQ(retry(1).charged, 0);
}

TEST_F(SessionsTest, after_a_restart_the_story_is_dated_by_the_wall_clock) {
  happen(restored_running(TrialStatus::kRunning));
  EXPECT_EQ(now_of(1), "runs for 50 s on worker a, slot 0, step 0 of 0");
}

TEST_F(SessionsTest, a_worker_known_from_the_store_whose_process_is_gone_is_lost_at_once) {
  happen(restored_running(TrialStatus::kRunning));
  happen(event::ConnectionLost{SessionId{1}, "no such process"});
  EXPECT_EQ(status(1), TrialStatus::kQueued);
}

TEST_F(SessionsTest, a_restart_with_nothing_left_says_that_the_sweep_is_done) {
  event::Restored restored = restored_running(TrialStatus::kRunning);
  restored.trials.erase(restored.trials.begin(), restored.trials.begin() + 2);
  happen(restored);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(SessionsTest, the_story_of_a_trial_lists_its_attempts_and_how_each_ended) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  now_ms_ += 500;
  start(a, ref(1, 1));
  now_ms_ += 500;
  happen(event::ConnectionLost{a, "exit code 9"});
  const TrialStory story = scheduler_.why(TrialId{1}, now_ms_);
  ASSERT_EQ(story.attempts.size(), 1u);
  EXPECT_EQ(story.attempts[0].node, "a");
  EXPECT_EQ(story.attempts[0].started_ms - story.attempts[0].assigned_ms, 500);
  EXPECT_EQ(story.attempts[0].end, AttemptEnd::kWorkerLost);
  EXPECT_EQ(story.attempts[0].message, "worker a is gone (exit code 9)");
  EXPECT_EQ(story.now, "waits for a worker: none is in touch");
}

}  // namespace
}  // namespace plateau
