// The design's table of failure kinds, row by row. Each test was seen to fail with its rule taken
// out of failures.cc or worker_events.cc.
#include "tests/coordinator/scheduler/harness.h"

namespace plateau {
namespace {

using FailuresTest = SchedulerTest;
using T = TrialBuilder;

// ---- worker lost, preempted: next attempt, elsewhere if there is an elsewhere, not charged ------

TEST_F(FailuresTest, a_lost_worker_costs_the_trial_nothing_and_it_goes_on_elsewhere) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  const SessionId b = worker(2, "b", {1});
  happen(event::ConnectionLost{a, "killed"});
  expect_assigned(b, {ref(1, 2)});
  EXPECT_EQ(retry(1).charged, 0);
  EXPECT_EQ(scheduler_.find(TrialId{1})->attempts[0].end, AttemptEnd::kWorkerLost);
}

TEST_F(FailuresTest, a_lost_trial_goes_elsewhere_even_where_both_have_room) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  happen(event::ConnectionLost{a, "killed"});
  // The node's new process comes first and gets it, since there is no elsewhere yet.
  const SessionId again = worker(2, "a", {1});
  expect_assigned(again, {ref(1, 2)});
  happen(event::ConnectionLost{again, "killed"});
  submit({T(2)});
  happen(hello(3, "b", {1}));
  take<action::Welcome>();
  expect_assigned(SessionId{3}, {ref(1, 3)});
}

TEST_F(FailuresTest, elsewhere_is_preferred_but_no_place_is_left_empty) {
  submit({T(1).expected(20), T(2).expected(10), T(3).expected(5)});
  const SessionId a = worker(1, "a", {1});
  const SessionId b = worker(2, "b", {1});
  expect_assigned(a, {ref(1, 1)});
  expect_assigned(b, {ref(2, 1)});
  happen(event::ConnectionLost{a, "killed"});
  // Trial 1 comes before trial 3, but not on node a while b is in touch.
  const SessionId again = worker(3, "a", {1});
  expect_assigned(again, {ref(3, 1)});
  finish(again, ref(3, 1));
  // Now nothing else is left for a: it takes the trial all the same.
  expect_assigned(again, {ref(1, 2)});
}

TEST_F(FailuresTest, the_next_attempt_goes_on_from_the_newest_checkpoint_at_the_coordinator) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  const ArtifactFacts file{"checkpoint-40", 1000, "abc"};
  report(a, ref(1, 1), report::Checkpointed{40, file});
  happen(event::CheckpointStored{ref(1, 1), 40, file});
  EXPECT_EQ(records<record::Checkpoint>().size(), 1u);
  report(a, ref(1, 1), report::Checkpointed{60, {"checkpoint-60", 1000, "def"}});  // never arrives
  const SessionId b = worker(2, "b", {1});
  happen(event::ConnectionLost{a, "killed"});
  const auto assign = take<action::Assign>();
  EXPECT_EQ(assign.session, b);
  ASSERT_TRUE(assign.resume);
  EXPECT_EQ(assign.resume->step, 40);
  EXPECT_EQ(assign.resume->artifact.sha256, "abc");
  EXPECT_EQ(assign.resume->written_by, AttemptNumber{1});
}

TEST_F(FailuresTest, a_late_checkpoint_of_an_old_attempt_is_not_gone_back_to) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  fail(a, ref(1, 1), FailureKind::kTrainerCrashed, {1});
  expect_assigned(a, {ref(1, 2)});
  happen(event::CheckpointStored{ref(1, 2), 60, {"checkpoint-60", 1000, "new"}});
  happen(event::CheckpointStored{ref(1, 1), 40, {"checkpoint-40", 1000, "old"}});
  ASSERT_TRUE(scheduler_.find(TrialId{1})->resume);
  EXPECT_EQ(scheduler_.find(TrialId{1})->resume->step, 60);
}

TEST_F(FailuresTest, a_silent_worker_is_lost_before_its_lease_is_over_and_not_much_earlier) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  advance(9'000);
  heartbeat(a, {ref(1, 1)});
  advance(10'000 - event::kTickMaxMs - 1);
  EXPECT_EQ(status(1), TrialStatus::kRunning);
  advance(event::kTickMaxMs);
  EXPECT_EQ(status(1), TrialStatus::kQueued);
  EXPECT_TRUE(scheduler_.state().workers.empty());
}

TEST_F(FailuresTest, a_coordinator_that_was_deaf_takes_nobody_for_lost) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  advance(5'000);
  now_ms_ += 60'000;  // Its disk took a minute, or somebody stopped it.
  happen(event::Tick{});
  advance(4'000);
  EXPECT_EQ(status(1), TrialStatus::kRunning);
  // Silence before and after it counts.
  advance(1'000);
  EXPECT_EQ(status(1), TrialStatus::kQueued);
}

TEST_F(FailuresTest, a_preempted_trial_is_not_charged_and_its_worker_gets_no_more) {
  submit_equal(2);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  start(a, ref(1, 1));
  report(a, ref(1, 1), report::HandedBack{"SIGTERM"});
  expect_nothing_else();  // neither trial 1 nor trial 2 goes to a worker that is about to end
  EXPECT_EQ(retry(1).charged, 0);
  happen(event::Goodbye{a, "preempted"});
  const SessionId b = worker(2, "b", {2});
  expect_assigned(b, {ref(1, 2), ref(2, 1)});
}

TEST_F(FailuresTest, a_worker_that_gave_back_and_did_not_end_gets_work_again) {
  submit_equal(1);
  const SessionId a = worker(1, "a", {1});
  expect_assigned(a, {ref(1, 1)});
  report(a, ref(1, 1), report::HandedBack{"a result without its files"});
  for (int i = 0; i < 8; ++i) {
    expect_nothing_else();
    advance(7'499);
    heartbeat(a, {});
  }
  advance(8);
  expect_assigned(a, {ref(1, 2)});
}

TEST_F(FailuresTest, a_worker_lost_a_hundred_times_is_never_held_against_the_trial) {
  submit_equal(1);
  for (std::int64_t n = 1; n <= 100; ++n) {
    const SessionId w = worker(n, "a", {1});
    expect_assigned(w, {ref(1, n)});
    start(w, ref(1, n));
    happen(event::ConnectionLost{w, "killed"});
  }
  EXPECT_EQ(status(1), TrialStatus::kQueued);
  EXPECT_EQ(retry(1).charged, 0);
}

// ---- trainer crashed ----------------------------------------------------------------------------

TEST_F(FailuresTest, a_crash_in_a_pack_is_blamed_on_nobody_and_each_member_runs_alone) {
  submit_equal(3);
  const SessionId w = worker(1, "a", {3});
  expect_assigned(w, {ref(1, 1), ref(2, 1), ref(3, 1)});
  for (std::int64_t id = 1; id <= 3; ++id)
    start(w, ref(id, 1));
  fail(w, ref(1, 1), FailureKind::kTrainerCrashed, {1, 2, 3});
  fail(w, ref(2, 1), FailureKind::kTrainerCrashed, {1, 2, 3});
  expect_nothing_else();  // the slot is not empty yet
  fail(w, ref(3, 1), FailureKind::kTrainerCrashed, {1, 2, 3});
  for (std::int64_t id = 1; id <= 3; ++id) {
    const auto assign = take<action::Assign>();
    EXPECT_EQ(assign.attempt, ref(id, 2));
    EXPECT_TRUE(assign.alone);
    expect_nothing_else();
    EXPECT_EQ(retry(id).charged, 0);
    if (id < 3) finish(w, ref(id, 2));
  }
}

TEST_F(FailuresTest, only_a_trial_that_crashes_alone_is_charged_and_three_charges_end_it) {
  submit_equal(2);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  fail(w, ref(1, 1), FailureKind::kTrainerCrashed, {1, 2});
  fail(w, ref(2, 1), FailureKind::kTrainerCrashed, {1, 2});
  for (std::int64_t attempt = 2; attempt <= 4; ++attempt) {
    expect_assigned(w, {ref(1, attempt)});
    EXPECT_EQ(status(1), TrialStatus::kAssigned);
    start(w, ref(1, attempt));
    fail(w, ref(1, attempt), FailureKind::kTrainerCrashed, {1});
    EXPECT_EQ(retry(1).charged, attempt - 1);
  }
  EXPECT_EQ(status(1), TrialStatus::kFailed);
  EXPECT_EQ(now_of(1), "failed: crashed alone 3 times; the last time: because");
  expect_assigned(w, {ref(2, 2)});
  finish(w, ref(2, 2));
  EXPECT_EQ(retry(2).charged, 0);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(FailuresTest, a_trial_that_was_to_be_alone_is_charged_whatever_pack_the_worker_names) {
  submit_equal(1);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1)});
  fail(w, ref(1, 1), FailureKind::kTrainerCrashed, {1, 7});
  EXPECT_EQ(retry(1).charged, 0);
  expect_assigned(w, {ref(1, 2)});
  fail(w, ref(1, 2), FailureKind::kTrainerCrashed, {1, 7});
  EXPECT_EQ(retry(1).charged, 1);
  expect_assigned(w, {ref(1, 3)});
}

// ---- out of memory ------------------------------------------------------------------------------

TEST_F(FailuresTest, out_of_memory_tries_a_smaller_pack_then_alone_then_smaller_micro_batches) {
  submit({T(1).batch(4)});
  const SessionId w = worker(1, "a", {8});
  expect_assigned(w, {ref(1, 1)});
  fail(w, ref(1, 1), FailureKind::kOutOfMemory, {1, 2, 3, 4, 5});
  EXPECT_EQ(retry(1).pack_cap, 2);
  EXPECT_FALSE(take<action::Assign>().alone);
  fail(w, ref(1, 2), FailureKind::kOutOfMemory, {1, 2});
  EXPECT_EQ(retry(1).pack_cap, 1);
  auto assign = take<action::Assign>();
  EXPECT_TRUE(assign.alone);
  EXPECT_EQ(assign.micro_batch_size, 0);
  fail(w, ref(1, 3), FailureKind::kOutOfMemory, {1});
  EXPECT_EQ(take<action::Assign>().micro_batch_size, 2);
  fail(w, ref(1, 4), FailureKind::kOutOfMemory, {1});
  EXPECT_EQ(take<action::Assign>().micro_batch_size, 1);
  EXPECT_EQ(retry(1).charged, 0);
  const auto changes = records<record::TrialChanged>();
  EXPECT_EQ(changes.back().retry.micro_batch_size, 1);  // recorded
  // There is nothing smaller: from here on it is charged.
  for (std::int64_t attempt = 5; attempt <= 7; ++attempt) {
    fail(w, ref(1, attempt), FailureKind::kOutOfMemory, {1});
    EXPECT_EQ(retry(1).charged, attempt - 4);
    if (attempt < 7) expect_assigned(w, {ref(1, attempt + 1)});
  }
  EXPECT_EQ(status(1), TrialStatus::kFailed);
  expect_run_ended(action::RunEnded::How::kComplete);
}

TEST_F(FailuresTest, a_slot_that_ran_out_of_memory_takes_smaller_packs) {
  submit_equal(12);
  const SessionId w = worker(1, "a", {4});
  expect_assigned(w, {ref(1, 1), ref(2, 1), ref(3, 1), ref(4, 1)});
  for (std::int64_t id = 1; id <= 4; ++id) {
    fail(w, ref(id, 1), FailureKind::kOutOfMemory, {1, 2, 3, 4});
  }
  const SlotEntry& slot = scheduler_.state().workers.at(w).slots.at(SlotIndex{0});
  EXPECT_EQ(slot.trials.size(), 2u);
  EXPECT_EQ(slot.pack_limit_now, 2);
  said_.clear();
}

TEST_F(FailuresTest, a_pack_never_grows_beyond_what_a_member_survived) {
  submit({T(1)});
  const SessionId a = worker(1, "a", {8});
  expect_assigned(a, {ref(1, 1)});
  fail(a, ref(1, 1), FailureKind::kOutOfMemory, {1, 2, 3, 4});
  expect_assigned(a, {ref(1, 2)});
  happen(event::ConnectionLost{a, "killed"});
  const SessionId b = worker(2, "b", {8});
  expect_assigned(b, {ref(1, 3)});
  submit({T(2), T(3), T(4)});
  expect_assigned(b, {ref(2, 1)});  // trial 1 was seen not to fit with more than one other
}

// ---- diverged -----------------------------------------------------------------------------------

TEST_F(FailuresTest, divergence_is_a_result_and_not_tried_again) {
  submit_equal(2);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  fail(w, ref(1, 1), FailureKind::kDiverged);
  EXPECT_EQ(status(1), TrialStatus::kDiverged);
  EXPECT_EQ(retry(1).charged, 0);
  EXPECT_EQ(now_of(1), "diverged: because");
  EXPECT_EQ(status(2), TrialStatus::kAssigned);
}

// ---- bad configuration --------------------------------------------------------------------------

TEST_F(FailuresTest, a_bad_configuration_fails_at_once_and_the_others_go_on) {
  submit_equal(2);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  fail(w, ref(1, 1), FailureKind::kBadConfiguration);
  EXPECT_EQ(status(1), TrialStatus::kFailed);
  EXPECT_EQ(now_of(1), "failed: because");
  finish(w, ref(2, 1));
  EXPECT_EQ(status(2), TrialStatus::kFinished);
  expect_run_ended(action::RunEnded::How::kComplete);
}

// ---- the node's own reasons ---------------------------------------------------------------------

TEST_F(FailuresTest, a_node_that_fails_twice_in_a_row_is_set_aside_and_why_says_so) {
  submit_equal(1);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  fail(w, ref(1, 1), FailureKind::kNodeFault);
  expect_assigned(w, {ref(1, 2)});
  fail(w, ref(1, 2), FailureKind::kNodeFault);
  const auto ended = expect_run_ended(action::RunEnded::How::kStalled);
  EXPECT_NE(ended.message.find("a: because"), std::string::npos);
  EXPECT_EQ(retry(1).charged, 0);
  EXPECT_EQ(now_of(1), "waits: set aside are a: because");
  EXPECT_EQ(records<record::NodeSetAside>().size(), 1u);
  // Another node takes over.
  const SessionId b = worker(2, "b", {1});
  expect_assigned(b, {ref(1, 3)});
}

TEST_F(FailuresTest, one_fault_that_hits_a_whole_pack_is_one_fault) {
  submit_equal(4);
  const SessionId w = worker(1, "a", {4});
  expect_assigned(w, {ref(1, 1), ref(2, 1), ref(3, 1), ref(4, 1)});
  for (std::int64_t id = 1; id <= 3; ++id)
    fail(w, ref(id, 1), FailureKind::kNodeFault);
  EXPECT_FALSE(scheduler_.state().nodes.at("a").set_aside);
  // Assigned after the fault that was counted: a second one.
  fail(w, ref(1, 2), FailureKind::kNodeFault);
  EXPECT_TRUE(scheduler_.state().nodes.at("a").set_aside);
  said_.clear();
}

TEST_F(FailuresTest, a_result_between_two_faults_keeps_the_node) {
  submit_equal(3);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  fail(w, ref(1, 1), FailureKind::kNodeFault);
  expect_assigned(w, {ref(1, 2)});
  finish(w, ref(1, 2));
  expect_assigned(w, {ref(2, 1)});
  fail(w, ref(2, 1), FailureKind::kNodeFault);
  expect_assigned(w, {ref(2, 2)});
}

TEST_F(FailuresTest, a_node_whose_worker_was_started_again_gets_work_again) {
  submit_equal(1);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  fail(w, ref(1, 1), FailureKind::kNodeFault);
  expect_assigned(w, {ref(1, 2)});
  fail(w, ref(1, 2), FailureKind::kNodeFault);
  expect_run_ended(action::RunEnded::How::kStalled);
  happen(event::Goodbye{w, "stopped"});
  const SessionId again = worker(2, "a", {1});
  expect_assigned(again, {ref(1, 3)});
}

}  // namespace
}  // namespace plateau
