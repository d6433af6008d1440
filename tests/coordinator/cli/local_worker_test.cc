// The local worker's life with /bin/sh in its place.
#include "coordinator/cli/local_worker.h"

#include <csignal>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/coordinator/store/trials.h"

namespace plateau::cli {
namespace {

using ::testing::HasSubstr;

LocalWorkerOptions shell(const TemporaryFolder& run, const std::string& script) {
  return {"/bin/sh", run.path(), {"-c", script}};
}

std::optional<std::string> wait_for_end(LocalWorker& worker) {
  for (int i = 0; i < 1000; ++i) {
    if (std::optional<std::string> how = worker.poll()) return how;
    usleep(10'000);
  }
  return std::nullopt;
}

TEST(LocalWorker, tells_once_how_it_ended_and_its_words_are_in_the_log) {
  const TemporaryFolder run;
  Result<LocalWorker> worker = LocalWorker::start_or_adopt(shell(run, "echo hello; exit 3"), 0);
  ASSERT_TRUE(worker) << worker.error().message;
  EXPECT_FALSE(worker->adopted());
  EXPECT_EQ(wait_for_end(*worker), "exit code 3");
  EXPECT_FALSE(worker->poll());
  EXPECT_EQ(*read_file(run.path() / "worker.log"), "hello\n");
}

TEST(LocalWorker, is_adopted_while_it_lives_and_replaced_when_it_is_gone) {
  const TemporaryFolder run;
  Result<LocalWorker> first = LocalWorker::start_or_adopt(shell(run, "exec sleep 600"), 0);
  ASSERT_TRUE(first) << first.error().message;
  Result<LocalWorker> second = LocalWorker::start_or_adopt(shell(run, "exec sleep 600"), 0);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->adopted());
  EXPECT_EQ(second->pid(), first->pid());
  EXPECT_FALSE(second->poll());

  kill(first->pid(), SIGKILL);
  EXPECT_THAT(wait_for_end(*first).value_or(""), HasSubstr("signal 9"));
  ASSERT_TRUE(wait_for_end(*second));
  ASSERT_TRUE(second->restart_when_due(1000));
  EXPECT_FALSE(second->adopted());
  EXPECT_GT(second->pid(), 0);
  second->kill_now();
  second->stop(1000);
}

TEST(LocalWorker, that_dies_young_is_restarted_later_each_time_and_then_given_up) {
  const TemporaryFolder run;
  Result<LocalWorker> worker =
      LocalWorker::start_or_adopt(shell(run, "echo no trainer here; exit 3"), 0);
  ASSERT_TRUE(worker) << worker.error().message;
  TimeMs now_ms = 0;
  for (int death = 1; death < LocalWorker::kMaxYoungDeaths; ++death) {
    ASSERT_TRUE(wait_for_end(*worker));
    ASSERT_TRUE(worker->restart_when_due(now_ms));
    EXPECT_EQ(worker->pid() != 0, death == 1) << "at once, and then only after a pause";
    now_ms += 5000;
    ASSERT_TRUE(worker->restart_when_due(now_ms));
    EXPECT_GT(worker->pid(), 0);
  }
  ASSERT_TRUE(wait_for_end(*worker));
  const Status given_up = worker->restart_when_due(now_ms);
  ASSERT_FALSE(given_up);
  EXPECT_THAT(given_up.error().message, HasSubstr("no trainer here"));
  EXPECT_THAT(given_up.error().message, HasSubstr("exit code 3"));
}

TEST(LocalWorker, that_does_not_end_when_told_is_ended) {
  const TemporaryFolder run;
  Result<LocalWorker> worker = LocalWorker::start_or_adopt(shell(run, "exec sleep 600"), 0);
  ASSERT_TRUE(worker) << worker.error().message;
  const pid_t pid = worker->pid();
  worker->stop(/*patience_ms=*/40);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(LocalWorker, a_program_that_is_not_there_is_named) {
  const auto program = find_worker_program("/no/such/worker");
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message, HasSubstr("/no/such/worker"));
  EXPECT_THAT(program.error().message, HasSubstr("--worker-program"));
}

TEST(LocalAddress, is_the_same_for_a_folder_short_and_another_for_another_one) {
  const std::string address = local_address("/home/somebody/runs/quickstart");
  EXPECT_EQ(address, local_address("/home/somebody/runs/quickstart"));
  EXPECT_NE(address, local_address("/home/somebody/runs/other"));
  EXPECT_LT(local_address(std::string(1000, 'x')).size(), 100u);
}

}  // namespace
}  // namespace plateau::cli
