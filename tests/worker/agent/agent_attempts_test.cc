// tests/PROMISES.md says what was taken out to see these fail.
#include <gtest/gtest.h>

#include "tests/worker/agent/agent_driver.h"
#include "worker/agent/upload_queue.h"

namespace plateau::agent {
namespace {

TEST(AgentAttempts, an_assigned_trial_is_prepared_started_and_reported) {
  AgentDriver d;
  d.connect();
  d.receive(Assign{ref(1), {0}, "trial", true, {}});
  ASSERT_EQ(d.count<PrepareTrial>(), 1u);
  EXPECT_EQ(d.of<PrepareTrial>()[0].trial_json, "trial");
  d.apply(TrialPrepared{ref(1), "trial with paths"});
  ASSERT_EQ(d.count<StartTrial>(), 1u);
  EXPECT_EQ(d.of<StartTrial>()[0].trial_json, "trial with paths");
  EXPECT_TRUE(d.of<StartTrial>()[0].alone);
  EXPECT_FALSE(d.of<StartTrial>()[0].resume);
  d.apply(TrialStarted{ref(1), 0, 100});
  ASSERT_EQ(d.reports<StartedReport>().size(), 1u);
  EXPECT_EQ(d.of<SendReport>()[0].report.sequence, 1u);
  EXPECT_EQ(d.count<KeepReport>(), 1u);
}

TEST(AgentAttempts, the_same_assign_twice_changes_nothing) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.receive(Assign{ref(1), {0}, "{}", false, {}});
  EXPECT_TRUE(d.actions.empty());
  d.apply(TrialFailed{ref(1), FailureKind::kDiverged, "nan"});
  d.ack_all();
  EXPECT_TRUE(d.agent().held().empty());
  d.receive(Assign{ref(1), {0}, "{}", false, {}});
  EXPECT_TRUE(d.actions.empty()) << "also after its end: it would be trained twice";
}

TEST(AgentAttempts, an_older_attempt_is_dropped_and_a_newer_one_takes_over) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1, 3));
  d.receive(Assign{ref(1, 2), {0}, "{}", false, {}});
  EXPECT_TRUE(d.actions.empty());
  d.receive(Assign{ref(1, 4), {0}, "{}", false, {}});
  ASSERT_EQ(d.count<CancelTrial>(), 1u);
  EXPECT_EQ(d.of<CancelTrial>()[0].attempt, ref(1, 3));
  EXPECT_EQ(d.agent().held(), (std::vector<AttemptRef>{ref(1, 3), ref(1, 4)}));
  d.apply(TrialDropped{ref(1, 3)});
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u);
}

TEST(AgentAttempts, a_cancel_that_overtakes_its_assign_wins) {
  AgentDriver d;
  d.connect();
  d.receive(Cancel{ref(1), "stopped early"});
  d.receive(Assign{ref(1), {0}, "{}", false, {}});
  EXPECT_TRUE(d.agent().held().empty());
}

TEST(AgentAttempts, a_slot_that_is_not_there_hands_back) {
  AgentDriver d;
  d.connect();
  d.receive(Assign{ref(1), {1}, "{}", false, {}});
  EXPECT_EQ(d.count<PrepareTrial>(), 0u);
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u);
}

TEST(AgentAttempts, finished_is_said_when_every_artifact_has_arrived) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialFinished{ref(1), "{\"steps\":1}", {file("a", 10), file("b", 300'000)}});
  EXPECT_EQ(d.count<KeepResult>(), 1u);
  EXPECT_TRUE(d.reports<FinishedReport>().empty());
  ASSERT_EQ(d.count<SendChunk>(), 2u) << "the whole of a, and b as far as the first credit goes";
  d.receive(ChunkAck{ref(1), "a", 10, 1 << 20, true});
  EXPECT_TRUE(d.reports<FinishedReport>().empty());
  d.receive(ChunkAck{ref(1), "b", kChunkBytes, 1 << 20, false});
  ASSERT_EQ(d.count<SendChunk>(), 1u);
  EXPECT_EQ(d.of<SendChunk>()[0].offset, kChunkBytes);
  EXPECT_EQ(d.of<SendChunk>()[0].length, 300'000 - kChunkBytes);
  d.receive(ChunkAck{ref(1), "b", 300'000, 1 << 20, true});
  ASSERT_EQ(d.reports<FinishedReport>().size(), 1u);
  EXPECT_EQ(d.reports<FinishedReport>()[0].result_json, "{\"steps\":1}");
  EXPECT_EQ(d.agent().held().size(), 1u) << "held until it is acknowledged";
  d.ack_all();
  EXPECT_TRUE(d.agent().held().empty());
  ASSERT_EQ(d.count<ReleaseAttempt>(), 1u);
  EXPECT_EQ(d.count<ForgetReports>(), 1u);
}

TEST(AgentAttempts, a_lost_chunk_and_a_lost_report_are_sent_again) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.ack_all();
  d.apply(TrialFinished{ref(1), "{}", {file("a", 10)}});
  const auto later = d.advance_in_touch(2500);
  int chunks = 0;
  for (const Action& action : later)
    chunks += std::holds_alternative<SendChunk>(action) ? 1 : 0;
  EXPECT_EQ(chunks, 1);
  d.receive(ChunkAck{ref(1), "a", 10, 0, true});
  EXPECT_EQ(d.count<SendReport>(), 1u);
  int reports = 0;
  for (const Action& action : d.advance_in_touch(2500))
    reports += std::holds_alternative<SendReport>(action) ? 1 : 0;
  EXPECT_EQ(reports, 1);
}

TEST(AgentAttempts, an_artifact_that_always_arrives_wrong_fails_the_attempt_as_the_nodes_fault) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialFinished{ref(1), "{}", {file("a", 10)}});
  for (int i = 0; i < kUploadTrials; ++i)
    d.receive(ChunkAck{ref(1), "a", 0, 1 << 20, false});
  ASSERT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_EQ(d.reports<FailedReport>()[0].kind, FailureKind::kNodeFault);
}

TEST(AgentAttempts, a_result_file_that_cannot_be_read_fails_the_attempt) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialFinished{ref(1), "{}", {file("a", 10), file("b", 10)}});
  d.apply(UploadUnreadable{ref(1), "b", "b is gone"});
  ASSERT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_EQ(d.reports<FailedReport>()[0].message, "b is gone");
}

TEST(AgentAttempts, a_crash_names_the_pack_and_spares_other_slots) {
  AgentOptions options;
  options.slots = 2;
  AgentDriver d(options);
  d.connect();
  d.run_trial(ref(1), {0});
  d.run_trial(ref(2), {0});
  d.run_trial(ref(3), {1});
  d.apply(TrainerDied{{0}, FailureKind::kTrainerCrashed, "signal 11"});
  const auto failed = d.reports<FailedReport>();
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].pack, (std::vector<TrialId>{TrialId{1}, TrialId{2}}));
  EXPECT_EQ(failed[1].pack, failed[0].pack);
  EXPECT_EQ(d.agent().in_trainer({1}), (std::vector<AttemptRef>{ref(3)}));
}

TEST(AgentAttempts, the_trials_own_failure_names_no_pack) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.run_trial(ref(2));
  d.apply(TrialFailed{ref(1), FailureKind::kOutOfMemory, "too much"});
  ASSERT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_TRUE(d.reports<FailedReport>()[0].pack.empty());
  EXPECT_EQ(d.agent().in_trainer({0}), (std::vector<AttemptRef>{ref(2)}));
}

TEST(AgentAttempts, cancelled_while_its_trainer_crashes_it_is_handed_back) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.run_trial(ref(2));
  d.receive(Cancel{ref(1), "stopped early"});
  EXPECT_EQ(d.count<CancelTrial>(), 1u);
  d.apply(TrainerDied{{0}, FailureKind::kTrainerCrashed, "signal 11"});
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u);
  ASSERT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_EQ(d.reports<FailedReport>()[0].pack, (std::vector<TrialId>{TrialId{2}}));
}

TEST(AgentAttempts, a_preparation_that_fails_is_reported_with_its_kind) {
  AgentDriver d;
  d.connect();
  d.receive(Assign{ref(1), {0}, "{}", false, {}});
  d.apply(PreparationFailed{ref(1), FailureKind::kBadConfiguration, "no such folder"});
  ASSERT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_EQ(d.reports<FailedReport>()[0].kind, FailureKind::kBadConfiguration);
}

// ---- checkpoints --------------------------------------------------------------------------------

TEST(AgentCheckpoints, are_reported_and_uploaded_and_the_newest_waiting_one_replaces_older_ones) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialCheckpoint{ref(1), 10, file("checkpoint/step-10", 1000)});
  EXPECT_EQ(d.reports<CheckpointedReport>().size(), 1u);
  ASSERT_EQ(d.count<SendChunk>(), 1u);
  // Cut off: two more are written, and only the newest of them is worth sending.
  d.advance(3000);
  ASSERT_FALSE(d.agent().connected());
  d.apply(TrialCheckpoint{ref(1), 20, file("checkpoint/step-20", 1000)});
  d.apply(TrialCheckpoint{ref(1), 30, file("checkpoint/step-30", 1000)});
  d.connect();
  std::vector<std::string> names;
  for (const SendChunk& chunk : d.of<SendChunk>())
    names.push_back(chunk.artifact.name);
  EXPECT_EQ(names, (std::vector<std::string>{"checkpoint/step-10", "checkpoint/step-30"}));
}

TEST(AgentCheckpoints, too_large_for_the_line_stay_on_the_node) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialCheckpoint{ref(1), 10, file("checkpoint/step-10", 1u << 30)});
  EXPECT_EQ(d.count<SendChunk>(), 0u);
  EXPECT_TRUE(d.reports<CheckpointedReport>().empty());
  EXPECT_EQ(d.count<Log>(), 1u);
}

TEST(AgentCheckpoints, resumption_waits_for_all_bytes_and_their_hash) {
  AgentDriver d;
  d.connect();
  d.receive(Assign{ref(1, 2), {0}, "{}", false, file("checkpoint/step-10", 6)});
  d.apply(TrialPrepared{ref(1, 2), "{}"});
  EXPECT_EQ(d.count<StartTrial>(), 0u);
  d.receive(ResumeData{ref(1, 2), 3, "def"});  // A gap: it comes again later.
  EXPECT_EQ(d.count<StoreResume>(), 0u);
  d.receive(ResumeData{ref(1, 2), 0, "abc"});
  EXPECT_EQ(d.count<StoreResume>(), 1u);
  d.receive(ResumeData{ref(1, 2), 0, "abc"});
  EXPECT_EQ(d.count<StoreResume>(), 0u);
  d.receive(ResumeData{ref(1, 2), 3, "def"});
  EXPECT_EQ(d.count<VerifyResume>(), 1u);
  d.apply(ResumeVerified{ref(1, 2), true});
  ASSERT_EQ(d.count<StartTrial>(), 1u);
  EXPECT_TRUE(d.of<StartTrial>()[0].resume);
}

TEST(AgentCheckpoints, one_that_is_damaged_or_never_comes_means_step_0) {
  for (const bool comes : {true, false}) {
    AgentDriver d;
    d.connect();
    d.receive(Assign{ref(1, 2), {0}, "{}", false, file("checkpoint/step-10", 3)});
    d.apply(TrialPrepared{ref(1, 2), "{}"});
    std::vector<Action> actions;
    if (comes) {
      d.receive(ResumeData{ref(1, 2), 0, "abc"});
      d.apply(ResumeVerified{ref(1, 2), false});
      actions = d.actions;
    } else {
      actions = d.advance_in_touch(11'000);
    }
    int starts = 0;
    for (const Action& action : actions) {
      const auto* start = std::get_if<StartTrial>(&action);
      if (start == nullptr) continue;
      ++starts;
      EXPECT_FALSE(start->resume);
    }
    EXPECT_EQ(starts, 1) << "comes " << comes;
  }
}

TEST(AgentCheckpoints, a_new_connection_starts_the_open_upload_over) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialFinished{ref(1), "{}", {file("a", 600'000)}});
  d.receive(ChunkAck{ref(1), "a", kChunkBytes, 1 << 20, false});
  d.advance(2000);
  d.connect();
  ASSERT_GE(d.count<SendChunk>(), 1u);
  EXPECT_EQ(d.of<SendChunk>()[0].offset, kChunkBytes);
  // The coordinator was started anew and has lost the part: it says from where.
  d.receive(ChunkAck{ref(1), "a", 0, 1 << 20, false});
  ASSERT_EQ(d.count<SendChunk>(), 3u);
  EXPECT_EQ(d.of<SendChunk>()[0].offset, 0u);
}

}  // namespace
}  // namespace plateau::agent
