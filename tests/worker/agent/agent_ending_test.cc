// tests/PROMISES.md says what was taken out to see these fail.
#include <gtest/gtest.h>

#include "tests/worker/agent/agent_driver.h"

namespace plateau::agent {
namespace {

TEST(AgentEnding, preemption_checkpoints_hands_back_and_says_goodbye) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.ack_all();
  d.receive(Assign{ref(2), {0}, "{}", false, {}});  // Still being prepared.
  d.apply(Preempt{"signal Terminated"});
  ASSERT_EQ(d.count<StopTrainer>(), 1u);
  EXPECT_LT(d.of<StopTrainer>()[0].grace_ms, 30'000);
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u) << "trial 2 at once";
  d.ack_all();
  d.apply(TrialCheckpoint{ref(1), 10, file("checkpoint/step-10", 100)});
  EXPECT_EQ(d.count<SendChunk>(), 1u);
  d.apply(TrialHandedBack{ref(1)});
  EXPECT_TRUE(d.reports<HandedBackReport>().empty()) << "its checkpoint is not there yet";
  d.receive(ChunkAck{ref(1), "checkpoint/step-10", 100, 0, true});
  ASSERT_EQ(d.reports<HandedBackReport>().size(), 1u);
  EXPECT_EQ(d.reports<HandedBackReport>()[0].reason, "signal Terminated");
  d.receive(Ack{10});
  EXPECT_EQ(d.count<SendGoodbye>(), 1u);
  ASSERT_EQ(d.count<Exit>(), 1u);
  EXPECT_EQ(d.of<Exit>()[0].why, Exit::Why::kPreempted);
}

TEST(AgentEnding, what_is_assigned_while_ending_is_handed_back) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(Preempt{"signal Terminated"});
  d.receive(Assign{ref(2), {0}, "{}", false, {}});
  EXPECT_EQ(d.count<PrepareTrial>(), 0u);
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u);
}

TEST(AgentEnding, the_grace_time_holds_whatever_the_trainer_does) {
  AgentOptions options;
  options.grace_ms = 10'000;
  AgentDriver d(options);
  d.connect();
  d.run_trial(ref(1));
  d.apply(Preempt{"signal Terminated"});
  const auto actions = d.advance_in_touch(10'000);
  int exits = 0, handed_back = 0;
  for (const Action& action : actions) {
    exits += std::holds_alternative<Exit>(action) ? 1 : 0;
    const auto* send = std::get_if<SendReport>(&action);
    if (send == nullptr) continue;
    handed_back += std::holds_alternative<HandedBackReport>(send->report.body) ? 1 : 0;
  }
  EXPECT_GE(handed_back, 1) << "said before the end";
  EXPECT_EQ(exits, 1);
  EXPECT_TRUE(d.agent().ended());
}

TEST(AgentEnding, a_drain_finishes_what_runs) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.receive(Stop{"the sweep is done", true});
  EXPECT_EQ(d.count<StopTrainer>(), 0u);
  (void)d.advance_in_touch(120'000);
  EXPECT_FALSE(d.agent().ended()) << "no deadline";
  d.apply(TrialFinished{ref(1), "{}", {}});
  d.ack_all();
  ASSERT_EQ(d.count<Exit>(), 1u);
  EXPECT_EQ(d.of<Exit>()[0].why, Exit::Why::kDone);
}

TEST(AgentEnding, an_idle_worker_ends_at_once_when_told) {
  AgentDriver d;
  d.connect();
  d.receive(Stop{"the sweep is done", true});
  EXPECT_EQ(d.count<SendGoodbye>(), 1u);
  EXPECT_EQ(d.count<Exit>(), 1u);
}

TEST(AgentEnding, no_more_work_drains) {
  AgentDriver d;
  d.advance(0);
  d.receive(Refused{Refused::Reason::kNoMoreWork, "all trials have ended"});
  ASSERT_EQ(d.count<Exit>(), 1u);
  EXPECT_EQ(d.of<Exit>()[0].why, Exit::Why::kDone);
}

TEST(AgentEnding, preempted_without_a_coordinator_it_does_not_wait_for_one) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.advance(10'000);
  ASSERT_FALSE(d.agent().connected());
  d.apply(Preempt{"signal Terminated"});
  d.apply(TrialHandedBack{ref(1)});
  d.advance(6000);
  EXPECT_TRUE(d.agent().ended());
}

TEST(AgentEnding, after_the_end_nothing_happens) {
  AgentDriver d;
  d.connect();
  d.receive(Stop{"done", true});
  d.receive(Assign{ref(1), {0}, "{}", false, {}});
  EXPECT_TRUE(d.actions.empty());
}

}  // namespace
}  // namespace plateau::agent
