#include "tests/coordinator/scheduler/harness.h"

namespace plateau {
namespace {

using PlacementTest = SchedulerTest;
using T = TrialBuilder;

TEST_F(PlacementTest, nothing_happens_without_a_worker) {
  submit_equal(3);
  EXPECT_EQ(scheduler_.counts().queued, 3);
  EXPECT_EQ(now_of(1), "waits for a worker: none is in touch");
}

TEST_F(PlacementTest, a_slot_takes_as_many_as_its_pack_limit) {
  submit_equal(5);
  const SessionId w = worker(1, "a", {3});
  expect_assigned_in_order(w, {ref(1, 1), ref(2, 1), ref(3, 1)});
  EXPECT_EQ(scheduler_.counts().queued, 2);
}

TEST_F(PlacementTest, a_free_place_is_filled_again) {
  submit_equal(3);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  start(w, ref(1, 1));
  finish(w, ref(1, 1));
  expect_assigned(w, {ref(3, 1)});
}

TEST_F(PlacementTest, the_emptiest_slot_is_filled_first) {
  submit_equal(4);
  const SessionId w = worker(1, "a", {4, 4});
  std::map<SlotIndex, int> per_slot;
  for (int i = 0; i < 4; ++i) {
    const auto assign = take<action::Assign>();
    EXPECT_EQ(assign.session, w);
    ++per_slot[assign.slot];
  }
  EXPECT_EQ(per_slot[SlotIndex{0}], 2);
  EXPECT_EQ(per_slot[SlotIndex{1}], 2);
}

TEST_F(PlacementTest, every_cell_gets_its_first_seed_before_any_gets_its_second) {
  submit({T(1).round(1).expected(900), T(2).round(0).expected(1), T(3).round(0).expected(2)});
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(3, 1)});
  finish(w, ref(3, 1));
  expect_assigned(w, {ref(2, 1)});
  finish(w, ref(2, 1));
  expect_assigned(w, {ref(1, 1)});
}

TEST_F(PlacementTest, the_base_that_is_loaded_comes_before_a_longer_trial) {
  submit(
      {T(1).group("x").expected(30), T(2).group("x").expected(10), T(3).group("y").expected(20)});
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  finish(w, ref(1, 1));
  expect_assigned(w, {ref(2, 1)});
  finish(w, ref(2, 1));
  expect_assigned(w, {ref(3, 1)});
}

TEST_F(PlacementTest, the_longest_expected_comes_first) {
  submit({T(1).expected(10), T(2).expected(30), T(3).expected(20)});
  expect_assigned_in_order(worker(1, "a", {3}), {ref(2, 1), ref(3, 1), ref(1, 1)});
}

TEST_F(PlacementTest, other_bases_and_precisions_do_not_share_a_slot) {
  submit({T(1).group("x/float32"), T(2).group("x/bfloat16"), T(3).group("y/float32")});
  const SessionId w = worker(1, "a", {4});
  expect_assigned(w, {ref(1, 1)});
  finish(w, ref(1, 1));
  expect_assigned(w, {ref(2, 1)});
}

TEST_F(PlacementTest, a_trial_that_must_be_alone_waits_for_an_empty_slot_and_gets_one) {
  submit({T(1).expected(30), T(2).expected(20), T(3).alone().expected(10), T(4).round(1),
          T(5).round(1)});
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  // A later round does not push in before it: the slot runs empty.
  finish(w, ref(1, 1));
  expect_nothing_else();
  EXPECT_EQ(now_of(3),
            "waits for an empty slot, since it must run alone; 0 queued trials come before it");
  finish(w, ref(2, 1));
  const auto assign = take<action::Assign>();
  EXPECT_EQ(assign.attempt, ref(3, 1));
  EXPECT_TRUE(assign.alone);
  expect_nothing_else();
  finish(w, ref(3, 1));
  expect_assigned(w, {ref(4, 1), ref(5, 1)});
}

TEST_F(PlacementTest, nothing_joins_a_trial_that_must_be_alone) {
  submit({T(1).alone().expected(10), T(2)});
  const SessionId w = worker(1, "a", {4});
  expect_assigned(w, {ref(1, 1)});
  expect_nothing_else();
  finish(w, ref(1, 1));
  expect_assigned(w, {ref(2, 1)});
}

TEST_F(PlacementTest, trials_submitted_later_go_out_at_once) {
  const SessionId w = worker(1, "a", {2});
  submit_equal(1);
  expect_assigned(w, {ref(1, 1)});
}

TEST_F(PlacementTest, the_sweep_is_done_once_and_workers_are_told) {
  submit_equal(1);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  finish(w, ref(1, 1));
  const auto stop = take<action::StopWorker>();
  EXPECT_EQ(stop.session, w);
  EXPECT_TRUE(stop.drain);
  EXPECT_EQ(take<action::RunEnded>().how, action::RunEnded::How::kComplete);
  advance(1'000);
  expect_nothing_else();
  // Who comes now has nothing to do.
  happen(hello(2, "b", {1}));
  EXPECT_EQ(take<action::Refuse>().reason, action::Refuse::Reason::kNoMoreWork);
}

// A search proposes the next trial only when it knows how the last one went.
TEST_F(PlacementTest, a_run_that_expects_more_does_not_end_with_the_trials_it_has) {
  const SessionId w = worker(1, "a", {1});
  happen(event::TrialsSubmitted{{T(1).facts}, /*more_expected=*/true});
  expect_assigned(w, {ref(1, 1)});
  finish(w, ref(1, 1));
  advance(1'000);
  expect_nothing_else();
  happen(event::TrialsSubmitted{{T(2).facts}, /*more_expected=*/true});
  expect_assigned(w, {ref(2, 1)});
  finish(w, ref(2, 1));
  expect_nothing_else();
  happen(event::TrialsSubmitted{{}, /*more_expected=*/false});
  EXPECT_EQ(take<action::StopWorker>().session, w);
  EXPECT_EQ(take<action::RunEnded>().how, action::RunEnded::How::kComplete);
}

// A search goes on with a larger budget: all it had has ended, and its worker is new.
TEST_F(PlacementTest, a_worker_that_comes_before_the_next_proposal_stays) {
  const SessionId first = worker(1, "a", {1});
  happen(event::TrialsSubmitted{{T(1).facts}, /*more_expected=*/true});
  expect_assigned(first, {ref(1, 1)});
  finish(first, ref(1, 1));
  const SessionId second = worker(2, "b", {1});
  expect_nothing_else();
  happen(event::TrialsSubmitted{{T(2).facts, T(3).facts}, /*more_expected=*/true});
  expect_assigned(first, {ref(2, 1)});
  expect_assigned(second, {ref(3, 1)});
}

TEST_F(PlacementTest, a_stop_hands_back_and_ends_the_run_when_nothing_runs) {
  submit_equal(3);
  const SessionId w = worker(1, "a", {2});
  expect_assigned(w, {ref(1, 1), ref(2, 1)});
  happen(event::StopRequested{/*drain=*/false, "interrupted"});
  const auto stop = take<action::StopWorker>();
  EXPECT_FALSE(stop.drain);
  report(w, ref(1, 1), report::HandedBack{"stop"});
  expect_nothing_else();
  report(w, ref(2, 1), report::HandedBack{"stop"});
  EXPECT_EQ(take<action::RunEnded>().how, action::RunEnded::How::kStopped);
  EXPECT_EQ(scheduler_.counts().queued, 3);
}

TEST_F(PlacementTest, a_drain_lets_running_trials_finish_and_starts_no_others) {
  submit_equal(2);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  happen(event::StopRequested{/*drain=*/true, "asked for"});
  EXPECT_TRUE(take<action::StopWorker>().drain);
  finish(w, ref(1, 1));
  EXPECT_EQ(take<action::RunEnded>().how, action::RunEnded::How::kStopped);
  EXPECT_EQ(status(1), TrialStatus::kFinished);
  EXPECT_EQ(status(2), TrialStatus::kQueued);
}

TEST_F(PlacementTest, a_stalled_run_can_be_stopped) {
  submit_equal(1);
  const SessionId w = worker(1, "a", {1});
  for (std::int64_t attempt = 1; attempt <= 2; ++attempt) {
    expect_assigned(w, {ref(1, attempt)});
    fail(w, ref(1, attempt), FailureKind::kNodeFault);
  }
  expect_run_ended(action::RunEnded::How::kStalled);
  happen(event::StopRequested{/*drain=*/false, "interrupted"});
  expect_run_ended(action::RunEnded::How::kStopped);
}

TEST_F(PlacementTest, a_trial_stopped_early_is_cancelled_and_its_place_filled) {
  submit_equal(2);
  const SessionId w = worker(1, "a", {1});
  expect_assigned(w, {ref(1, 1)});
  start(w, ref(1, 1));
  happen(event::StopTrial{TrialId{1}, "no hope"});
  EXPECT_EQ(take<action::Cancel>().attempt, ref(1, 1));
  expect_assigned(w, {ref(2, 1)});
  EXPECT_EQ(status(1), TrialStatus::kStopped);
  // What the worker still says of it changes nothing.
  report(w, ref(1, 1), report::HandedBack{"cancelled"});
  EXPECT_EQ(status(1), TrialStatus::kStopped);
}

}  // namespace
}  // namespace plateau
