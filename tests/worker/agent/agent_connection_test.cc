// tests/PROMISES.md says what was taken out to see these fail.
#include <gtest/gtest.h>

#include "tests/worker/agent/agent_driver.h"

namespace plateau::agent {
namespace {

TEST(AgentConnection, says_hello_at_once_and_heartbeats_when_welcomed) {
  AgentDriver d;
  d.advance(0);
  ASSERT_EQ(d.count<SendHello>(), 1u);
  EXPECT_EQ(d.of<SendHello>()[0].number, 1u);
  EXPECT_TRUE(d.of<SendHello>()[0].held.empty());
  EXPECT_EQ(d.of<SendHello>()[0].first_sequence, 1u);
  EXPECT_FALSE(d.agent().connected());
  d.receive(Welcome{1, 10'000, 1, {}, 0});
  EXPECT_TRUE(d.agent().connected());
  d.advance(500);
  EXPECT_EQ(d.count<SendHeartbeat>(), 1u);
  EXPECT_EQ(d.count<SendHello>(), 0u);
}

TEST(AgentConnection, hellos_are_250_ms_apart_for_a_minute_and_then_rarer) {
  AgentDriver d;
  d.advance(60'000);
  const std::size_t first_minute = d.count<SendHello>();
  EXPECT_GE(first_minute, 240u);
  EXPECT_LE(first_minute, 241u);
  d.advance(60'000);
  EXPECT_LE(d.count<SendHello>(), 16u);
  EXPECT_GE(d.count<SendHello>(), 60'000u / 5000u);
}

TEST(AgentConnection, silence_is_noticed_after_three_heartbeats) {
  AgentDriver d;
  d.connect();
  d.advance(1400);
  EXPECT_TRUE(d.agent().connected());
  d.advance(200);
  EXPECT_FALSE(d.agent().connected());
  EXPECT_GE(d.count<SendHello>(), 1u);
}

TEST(AgentConnection, a_coordinator_that_forgot_the_session_is_told_everything_at_once) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(5));
  d.receive(Refused{Refused::Reason::kUnknownSession, ""});
  ASSERT_EQ(d.count<SendHello>(), 1u);
  EXPECT_EQ(d.of<SendHello>()[0].held, (std::vector<AttemptRef>{ref(5)}));
  EXPECT_FALSE(d.agent().connected());
}

TEST(AgentConnection, messages_of_another_session_are_dropped) {
  AgentDriver d;
  d.connect();
  d.apply(FromCoordinator{SessionId{78}, Assign{ref(1), {0}, "{}", false, {}}});
  EXPECT_TRUE(d.actions.empty());
  EXPECT_TRUE(d.agent().held().empty());
}

TEST(AgentConnection, what_welcome_does_not_keep_is_stopped_and_handed_back) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(5));
  d.run_trial(ref(6));
  d.receive(Refused{Refused::Reason::kUnknownSession, ""});
  const std::uint64_t number = d.of<SendHello>()[0].number;
  d.receive(Welcome{2, 10'000, number, {ref(6)}, 0});
  ASSERT_EQ(d.count<CancelTrial>(), 1u);
  EXPECT_EQ(d.of<CancelTrial>()[0].attempt, ref(5));
  d.apply(TrialDropped{ref(5)});
  ASSERT_EQ(d.reports<HandedBackReport>().size(), 1u);
  EXPECT_EQ(d.agent().in_trainer({0}), (std::vector<AttemptRef>{ref(6)}));
}

TEST(AgentConnection, a_late_welcome_takes_nothing_away) {
  AgentDriver d;
  d.advance(0);
  const std::uint64_t old_number = d.of<SendHello>()[0].number;
  d.receive(Welcome{1, 10'000, old_number, {}, 0});
  d.run_trial(ref(5));
  d.advance(2000);  // Silence: it seeks again, holding trial 5.
  ASSERT_FALSE(d.agent().connected());
  d.receive(Welcome{1, 10'000, old_number, {}, 0});  // Repeated by the network.
  EXPECT_EQ(d.count<CancelTrial>(), 0u);
  EXPECT_FALSE(d.agent().connected());
  EXPECT_EQ(d.agent().held(), (std::vector<AttemptRef>{ref(5)}));
}

TEST(AgentConnection, an_assign_between_two_hellos_survives_the_answer_to_the_first) {
  AgentDriver d;
  d.advance(250);
  const auto hellos = d.of<SendHello>();
  ASSERT_EQ(hellos.size(), 2u);
  d.receive(Assign{ref(9), {0}, "{}", false, {}});
  d.receive(Welcome{1, 10'000, hellos[0].number, {}, 0});
  d.receive(Welcome{1, 10'000, hellos[1].number, {}, 0});
  EXPECT_EQ(d.agent().held(), (std::vector<AttemptRef>{ref(9)}));
}

TEST(AgentConnection, another_protocol_version_ends_it) {
  AgentDriver d;
  d.advance(0);
  d.receive(Refused{Refused::Reason::kProtocolVersion, "update the worker"});
  ASSERT_EQ(d.count<Exit>(), 1u);
  EXPECT_EQ(d.of<Exit>()[0].why, Exit::Why::kRefused);
  EXPECT_TRUE(d.agent().ended());
}

TEST(AgentConnection, without_a_coordinator_it_trains_on_and_then_ends) {
  AgentOptions options;
  options.give_up_ms = 600'000;
  AgentDriver d(options);
  d.connect();
  d.run_trial(ref(5));
  d.advance(700'000);
  EXPECT_FALSE(d.agent().ended()) << "it has a trial in its trainer";
  EXPECT_EQ(d.count<CancelTrial>() + d.count<StopTrainer>(), 0u);
  d.apply(TrialFinished{ref(5), "{}", {file("metrics.jsonl", 10)}});
  EXPECT_EQ(d.count<KeepResult>(), 1u) << "the result is on the disk";
  ASSERT_EQ(d.count<Exit>(), 1u);
  EXPECT_EQ(d.of<Exit>()[0].why, Exit::Why::kCoordinatorGone);
}

TEST(AgentConnection, goes_on_trying_until_the_stated_time) {
  AgentOptions options;
  options.give_up_ms = 100'000;
  AgentDriver d(options);
  d.advance(99'000);
  EXPECT_FALSE(d.agent().ended());
  d.advance(10'000);
  EXPECT_TRUE(d.agent().ended());
}

}  // namespace
}  // namespace plateau::agent
