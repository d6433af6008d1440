#include "coordinator/gateway/gateway.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/coordinator/gateway/bench.h"

namespace plateau {
namespace {

using ::testing::HasSubstr;
using wire::FromCoordinator;

bool has(const std::vector<FromCoordinator>& messages, FromCoordinator::BodyCase body) {
  return std::any_of(messages.begin(), messages.end(),
                     [&](const FromCoordinator& message) { return message.body_case() == body; });
}

TEST(Gateway, a_worker_is_welcomed_and_gets_a_trial) {
  Bench bench;
  bench.send(Bench::hello());
  const std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_TRUE(heard[0].has_welcome());
  EXPECT_EQ(heard[0].session(), kSession);
  EXPECT_EQ(heard[0].welcome().hello_number(), 1u);
  ASSERT_TRUE(heard[1].has_assign());
  EXPECT_EQ(heard[1].assign().attempt().trial(), 1);
  EXPECT_EQ(heard[1].assign().trial_json(), bench.store().trial_text({1})->json);
}

TEST(Gateway, a_worker_of_another_version_is_refused_with_a_clear_word) {
  Bench bench;
  wire::FromWorker hello = Bench::hello();
  hello.mutable_hello()->set_protocol_version(wire::kProtocolVersion + 1);
  bench.send(hello);
  const std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_EQ(heard.size(), 1u);
  ASSERT_TRUE(heard[0].has_refused());
  EXPECT_EQ(heard[0].refused().reason(), wire::Refused::PROTOCOL_VERSION);
  EXPECT_THAT(heard[0].refused().message(), HasSubstr("Install the same version"));
  EXPECT_TRUE(bench.scheduler().state().workers.empty());
}

TEST(Gateway, an_unknown_session_is_told_to_say_hello) {
  Bench bench;
  wire::FromWorker started = Bench::report(1);
  started.mutable_report()->mutable_started()->set_steps_total(10);
  bench.send(started);
  const std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_EQ(heard.size(), 1u);
  ASSERT_TRUE(heard[0].has_refused());
  EXPECT_EQ(heard[0].refused().reason(), wire::Refused::UNKNOWN_SESSION);
}

TEST(Gateway, garbage_is_dropped_and_logged_at_a_falling_rate) {
  Bench bench;
  for (int i = 0; i < 1000; ++i)
    bench.send_bytes("garbage " + std::to_string(i));
  EXPECT_TRUE(bench.heard().empty());
  EXPECT_EQ(bench.log().size(), 10u);  // the 1st, 2nd, 4th, ..., 512th
  bench.send(Bench::hello());
  EXPECT_TRUE(has(bench.heard(), FromCoordinator::kWelcome));
}

TEST(Gateway, a_result_is_committed_once_its_artifacts_are_here) {
  Bench bench;
  bench.send(Bench::hello());
  bench.heard();
  bench.send(Bench::chunk("metrics.jsonl", "{}\n"));
  std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_TRUE(heard[0].chunk_ack().complete());
  bench.send(Bench::finished(1, "metrics.jsonl", "{}\n"));
  heard = bench.heard();
  ASSERT_TRUE(has(heard, FromCoordinator::kAck));
  EXPECT_EQ(bench.scheduler().counts().finished, 1);
  EXPECT_EQ(*read_file(bench.trial_folder() / "metrics.jsonl"), "{}\n");
  EXPECT_TRUE(
      trial_from_json(nlohmann::json::parse(*read_file(bench.trial_folder() / "trial.json"))));
  EXPECT_FALSE(std::filesystem::exists(bench.trial_folder() / ".incoming"));
}

TEST(Gateway, a_result_without_its_artifacts_is_no_result) {
  Bench bench;
  bench.send(Bench::hello());
  bench.heard();
  bench.send(Bench::finished(1, "metrics.jsonl", "{}\n"));
  EXPECT_EQ(bench.scheduler().counts().finished, 0);
  // It is trained again.
  const std::vector<FromCoordinator> heard = bench.heard();
  EXPECT_TRUE(has(heard, FromCoordinator::kAck));
  ASSERT_TRUE(has(heard, FromCoordinator::kAssign));
  EXPECT_EQ(bench.scheduler().counts().assigned, 1);
}

TEST(Gateway, bytes_of_an_attempt_that_is_not_current_touch_nothing) {
  Bench bench;
  bench.send(Bench::hello());
  bench.heard();
  bench.send(Bench::chunk("metrics.jsonl", "stale", /*attempt=*/2));
  wire::FromWorker stranger = Bench::chunk("metrics.jsonl", "stranger");
  stranger.set_session(kSession + 1);
  bench.send(stranger);
  EXPECT_FALSE(has(bench.heard(), FromCoordinator::kChunkAck));
  EXPECT_FALSE(std::filesystem::exists(bench.trial_folder()));
}

TEST(Gateway, a_checkpoint_travels_in_and_out_again) {
  Bench bench;
  bench.send(Bench::hello());
  bench.heard();
  const std::string bytes(600'000, 'c');
  for (std::uint64_t at = 0; at < bytes.size(); at += wire::kMaxChunkBytes) {
    wire::FromWorker chunk = Bench::chunk("checkpoint/step-7", bytes);
    chunk.mutable_chunk()->set_offset(at);
    chunk.mutable_chunk()->set_data(bytes.substr(at, wire::kMaxChunkBytes));
    bench.send(chunk);
  }
  ASSERT_TRUE(bench.scheduler().find({1})->resume);
  EXPECT_EQ(bench.scheduler().find({1})->resume->step, 7);
  bench.heard();

  // The worker dies; another one goes on from there.
  bench.engine().post(event::ConnectionLost{SessionId{kSession}, "it was killed"});
  bench.run();
  bench.send(Bench::hello(kSession + 1));
  std::string arrived;
  bool announced = false;
  for (const FromCoordinator& message : bench.heard()) {
    if (message.has_assign()) {
      announced = true;
      EXPECT_EQ(message.assign().resume().sha256(), sha256_hex(bytes));
    }
    if (message.has_resume_data()) {
      EXPECT_TRUE(announced) << "bytes before the assignment that they belong to";
      EXPECT_EQ(message.resume_data().offset(), arrived.size());
      arrived += message.resume_data().data();
    }
  }
  EXPECT_EQ(sha256_hex(arrived), sha256_hex(bytes));
}

TEST(Gateway, a_checkpoint_that_is_gone_means_from_the_start) {
  Bench bench;
  bench.send(Bench::hello());
  bench.send(Bench::chunk("checkpoint/step-7", "bytes"));
  std::filesystem::remove_all(bench.trial_folder() / ".checkpoints");
  bench.heard();
  bench.engine().post(event::ConnectionLost{SessionId{kSession}, "it was killed"});
  bench.run();
  bench.send(Bench::hello(kSession + 1));
  for (const FromCoordinator& message : bench.heard()) {
    EXPECT_FALSE(message.has_resume_data());
    if (message.has_assign()) {
      EXPECT_EQ(message.assign().resume().name(), "");
    }
  }
}

}  // namespace
}  // namespace plateau
