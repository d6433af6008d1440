#include "coordinator/cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plateau::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr SessionId kWorker{7};

Scheduler with_trials(std::int64_t count) {
  Scheduler scheduler(SchedulerOptions{});
  event::Restored restored;
  for (std::int64_t i = 1; i <= count; ++i) {
    RestoredTrial trial;
    trial.facts.id = TrialId{i};
    trial.facts.group = "g";
    restored.trials.push_back(trial);
  }
  scheduler.apply(restored, 0);
  return scheduler;
}

void say_hello(Scheduler& scheduler, TimeMs now_ms, std::int64_t pack_limit = 1) {
  event::Hello hello;
  hello.session = kWorker;
  hello.worker_name = "node";
  hello.slots = {{SlotIndex{0}, "cuda:0", "a GPU", 1 << 30, pack_limit}};
  scheduler.apply(hello, now_ms);
}

template <typename Body>
void report(Scheduler& scheduler, std::uint64_t sequence, std::int64_t trial, Body body,
            TimeMs now_ms) {
  event::Report event;
  event.session = kWorker;
  event.sequence = sequence;
  event.attempt = {TrialId{trial}, AttemptNumber{1}};
  event.body = std::move(body);
  scheduler.apply(event, now_ms);
}

ProgressMeter meter() {
  return ProgressMeter([](TrialId trial) { return "trial-" + std::to_string(trial.value); });
}

TEST(ProgressMeter, without_a_worker_it_says_so) {
  const Scheduler scheduler = with_trials(3);
  EXPECT_EQ(meter().sweep_line(scheduler, 0),
            "0/3 done, 0 running, 0 failed, waiting for a worker");
}

TEST(ProgressMeter, a_line_a_device_and_one_for_the_sweep) {
  Scheduler scheduler = with_trials(4);
  say_hello(scheduler, 0, /*pack_limit=*/3);
  report(scheduler, 1, 1, report::Started{SlotIndex{0}, 0, 100}, 10);
  report(scheduler, 0, 1, report::Progress{25, 100, 0.5, 1234.4}, 20);
  const std::vector<std::string> lines = meter().lines(scheduler, 20, 100);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "node cuda:0: trial-1 25/100, trial-2 starting and 1 more, 1234 tokens/s");
  EXPECT_THAT(lines[1], HasSubstr("0/4 done, 3 running, 0 failed"));
}

TEST(ProgressMeter, time_left_follows_from_the_work_done_so_far) {
  Scheduler scheduler = with_trials(4);
  ProgressMeter each = meter();
  say_hello(scheduler, 0);
  report(scheduler, 1, 1, report::Started{SlotIndex{0}, 0, 100}, 0);
  EXPECT_THAT(each.sweep_line(scheduler, 0), Not(HasSubstr("left")));
  report(scheduler, 0, 1, report::Progress{50, 100, 0.5, 1.0}, 30'000);
  // Half of one in 30 s: three and a half more take 210 s.
  EXPECT_THAT(each.sweep_line(scheduler, 30'000), HasSubstr("about 3 m 30 s left"));
}

TEST(ProgressMeter, long_lines_are_cut) {
  Scheduler scheduler = with_trials(1);
  say_hello(scheduler, 0);
  ProgressMeter each([](TrialId) { return std::string(200, 'x'); });
  for (const std::string& line : each.lines(scheduler, 0, 60))
    EXPECT_LE(line.size(), 60u);
}

TEST(ProgressPrinter, plain_lines_come_when_something_changed_and_not_too_often) {
  Scheduler scheduler = with_trials(2);
  ProgressPrinter printer(meter(), /*plain=*/true);
  ::testing::internal::CaptureStderr();
  printer.show(scheduler, 0);
  printer.show(scheduler, 20'000);  // nothing new
  say_hello(scheduler, 20'000);
  printer.show(scheduler, 20'100);  // too soon
  printer.show(scheduler, 31'000);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "0/2 done, 0 running, 0 failed, waiting for a worker\n"
            "0/2 done, 1 running, 0 failed\n");
}

}  // namespace
}  // namespace plateau::cli
