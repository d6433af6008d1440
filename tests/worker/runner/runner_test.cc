// The runner against real processes: the stand-in trainer (tests/support), real signals, real
// pipes.
#include "worker/runner/runner.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/spec/methods.h"
#include "common/spec/trial.h"
#include "tests/support/stand_in_trial.h"

namespace plateau::runner {
namespace {

namespace fs = std::filesystem;
constexpr DurationMs kPatienceMs = 20'000;

std::string stand_in_program() {
  const char* bin = std::getenv("PLATEAU_BIN_DIR");
  return (bin != nullptr ? fs::path(bin).parent_path() / "tests"
                         : fs::read_symlink("/proc/self/exe").parent_path()) /
         "stand-in-trainer";
}

Trial some_trial(std::uint64_t seed) {
  Trial trial;
  trial.base.sha256 = std::string(64, '1');
  trial.task.name = "task";
  trial.task.reader = "jsonl";
  trial.adapter.method = "lora";
  trial.adapter.parameters =
      *resolve_method_parameters(*find_method("lora"), nlohmann::json{{"rank", 4}});
  trial.seed = seed;
  return trial;
}

AttemptRef ref(std::int64_t trial, std::int64_t attempt = 1) {
  return {TrialId{trial}, AttemptNumber{attempt}};
}

// A dead process whose new parent has not asked for its end yet is dead.
bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return false;
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.compare(name_end, 3, ") Z") != 0;
}

class RunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // As plateau-worker does: a dead trainer's pipe is EPIPE.
    folder_ = fs::path(testing::TempDir()) /
              ("runner-" + std::to_string(::getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
    ::unsetenv("PLATEAU_STAND_IN");
    options_.trainer_program = stand_in_program();
    options_.log_folder = folder_.string();
  }
  void TearDown() override {
    runner_.reset();
    fs::remove_all(folder_);
  }

  void behave(const std::string& json) { ::setenv("PLATEAU_STAND_IN", json.c_str(), 1); }

  void start(std::int64_t trial, std::int64_t attempt = 1, const std::string& resume = "") {
    if (!runner_) {
      runner_ = std::move(Runner::make(options_, {{SlotIndex{0}, "cpu", "cpu", {"A_SLOTS=own"}}}))
                    .value();
    }
    TrialStart start;
    start.attempt = ref(trial, attempt);
    start.trial_json = to_json(some_trial(static_cast<std::uint64_t>(trial))).dump();
    start.folder = (folder_ / (std::to_string(trial) + "-" + std::to_string(attempt))).string();
    start.resume = resume;
    runner_->start_trial({0}, start, now());
  }

  static TimeMs now() { return system_clock().monotonic_ms(); }

  // Polls as the agent's loop does, until `enough` says so. False: patience was over.
  bool poll_until(const std::function<bool()>& enough) {
    const TimeMs until = now() + kPatienceMs;
    while (true) {
      for (TrialEvent& event : runner_->poll(now()))
        events_.push_back(std::move(event));
      if (enough()) return true;
      if (now() >= until) return false;
      const DurationMs wait_ms =
          std::clamp<DurationMs>(runner_->next_wakeup(now()) - now(), 0, 1000);
      pollfd ready{runner_->poll_fd(), POLLIN, 0};
      ::poll(&ready, 1, static_cast<int>(wait_ms));
    }
  }

  template <typename T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const TrialEvent& event : events_) {
      if (const T* match = std::get_if<T>(&event)) found.push_back(*match);
    }
    return found;
  }
  template <typename T>
  bool poll_for(std::size_t count = 1) {
    return poll_until([&] { return of<T>().size() >= count; });
  }

  // The stand-in's pid, from the one place that knows: our children.
  pid_t trainer_pid() const {
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    pid_t pid = 0, last = 0;
    while (children >> pid)
      last = pid;
    return last;
  }

  fs::path folder_;
  RunnerOptions options_;
  std::unique_ptr<Runner> runner_;
  std::vector<TrialEvent> events_;
};

TEST_F(RunnerTest, a_trial_runs_to_its_end_and_the_trainer_stays_for_the_next) {
  start(1);
  ASSERT_TRUE(poll_for<TrialFinished>());
  const pid_t first = trainer_pid();
  const TrialFinished finished = of<TrialFinished>()[0];
  EXPECT_EQ(finished.attempt, ref(1));
  EXPECT_EQ(of<TrialStarted>()[0].steps_total, 20);
  EXPECT_GE(of<TrialCheckpoint>().size(), 3u);
  ASSERT_EQ(finished.artifacts.size(), 4u);
  for (const Artifact& artifact : finished.artifacts) {
    EXPECT_EQ(*sha256_of_file(artifact.path), artifact.sha256);
    EXPECT_EQ(fs::file_size(artifact.path), artifact.size_bytes);
  }
  const auto result = nlohmann::json::parse(finished.result_json);
  EXPECT_EQ(result.at("metrics").at(0).at("value").get<double>(),
            stand_in::test_accuracy(trial_key(some_trial(1)), 20));
  start(2);
  ASSERT_TRUE(poll_for<TrialFinished>(2));
  EXPECT_EQ(trainer_pid(), first);
}

TEST_F(RunnerTest, a_resumed_trial_gives_what_an_undisturbed_one_gives) {
  behave(R"({"faults": [{"kind": "kill", "trial": 1, "step": 13, "attempts": 1}]})");
  start(1);
  ASSERT_TRUE(poll_for<TrainerDied>());
  const TrialCheckpoint newest = of<TrialCheckpoint>().back();
  EXPECT_EQ(newest.step, 10);
  start(1, 2, newest.file.path);
  ASSERT_TRUE(poll_for<TrialFinished>());
  EXPECT_EQ(of<TrialStarted>()[1].step, 10);
  const auto result = nlohmann::json::parse(of<TrialFinished>()[0].result_json);
  EXPECT_EQ(result.at("metrics").at(0).at("value").get<double>(),
            stand_in::test_accuracy(trial_key(some_trial(1)), 20));
}

struct Death {
  const char* fault;
  FailureKind kind;
  const char* message;
};

class RunnerDeathTest : public RunnerTest, public testing::WithParamInterface<Death> {};

TEST_P(RunnerDeathTest, is_told_with_its_cause) {
  behave(std::string(R"({"faults": [{"kind": ")") + GetParam().fault + R"(", "step": 3}]})");
  options_.hang_after_ms = 300;
  start(1);
  ASSERT_TRUE(poll_for<TrainerDied>());
  const TrainerDied died = of<TrainerDied>()[0];
  EXPECT_EQ(died.kind, GetParam().kind);
  EXPECT_NE(died.message.find(GetParam().message), std::string::npos) << died.message;
  EXPECT_NE(died.message.find("stand-in: trial 1 suffers"), std::string::npos)
      << "its last words: " << died.message;
}

INSTANTIATE_TEST_SUITE_P(
    Deaths, RunnerDeathTest,
    testing::Values(Death{"crash", FailureKind::kTrainerCrashed, "signal 6 (SIGABRT)"},
                    Death{"exit", FailureKind::kTrainerCrashed, "exit code 3"},
                    Death{"kill", FailureKind::kTrainerCrashed, "out-of-memory killer"},
                    Death{"hang", FailureKind::kTrainerCrashed, "sent nothing for"},
                    Death{"garbage", FailureKind::kTrainerCrashed, "no frame"}),
    [](const auto& param) { return std::string(param.param.fault); });

struct Confession {
  const char* fault;
  FailureKind kind;
};

class RunnerConfessionTest : public RunnerTest, public testing::WithParamInterface<Confession> {};

TEST_P(RunnerConfessionTest, ends_the_trial_and_not_its_company) {
  behave(std::string(R"({"faults": [{"kind": ")") + GetParam().fault +
         R"(", "trial": 1, "step": 3}]})");
  start(1);
  start(2);
  ASSERT_TRUE(poll_for<TrialFinished>());
  ASSERT_EQ(of<TrialFailed>().size(), 1u);
  EXPECT_EQ(of<TrialFailed>()[0].attempt, ref(1));
  EXPECT_EQ(of<TrialFailed>()[0].kind, GetParam().kind);
  EXPECT_EQ(of<TrialFinished>()[0].attempt, ref(2));
  EXPECT_TRUE(of<TrainerDied>().empty());
}

INSTANTIATE_TEST_SUITE_P(Confessions, RunnerConfessionTest,
                         testing::Values(Confession{"out_of_memory", FailureKind::kOutOfMemory},
                                         Confession{"diverged", FailureKind::kDiverged},
                                         Confession{"bad_configuration",
                                                    FailureKind::kBadConfiguration},
                                         Confession{"node_fault", FailureKind::kNodeFault}),
                         [](const auto& param) { return std::string(param.param.fault); });

TEST_F(RunnerTest, a_killed_trainer_is_noticed_at_once_and_started_anew) {
  behave(R"({"step_ms": 20})");
  start(1);
  ASSERT_TRUE(poll_for<TrialProgress>(2));
  const TimeMs killed_at = now();
  ::kill(trainer_pid(), SIGKILL);
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_LT(now() - killed_at, 500);
  start(1, 2);
  ASSERT_TRUE(poll_for<TrialStarted>(2));
  EXPECT_LT(now() - killed_at, 5000);
}

// Its output does not end with it: only its own end tells.
TEST_F(RunnerTest, a_trainer_that_leaves_a_child_behind_is_noticed_at_once_and_the_child_ends) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // The child becomes ours, and tells its end.
  behave(R"({"step_ms": 20, "faults": [{"kind": "leave", "step": 3}]})");
  start(1);
  ASSERT_TRUE(poll_for<TrialProgress>(2));
  const pid_t trainer = trainer_pid();
  const TimeMs before = now();
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_LT(now() - before, 500);
  int status = 0;
  EXPECT_TRUE(poll_until([&] { return ::waitpid(-trainer, &status, WNOHANG) > 0; }));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ::kill(-trainer, SIGKILL);
}

TEST_F(RunnerTest, crash_upon_crash_is_answered_with_patience) {
  behave(R"({"faults": [{"kind": "crash", "step": 1}]})");
  options_.backoff_ms = 200;
  const TimeMs begun = now();
  for (std::int64_t attempt = 1; attempt <= 4; ++attempt) {
    start(1, attempt);
    ASSERT_TRUE(poll_for<TrainerDied>(static_cast<std::size_t>(attempt)));
  }
  EXPECT_GE(now() - begun, 200 + 400) << "before the third and the fourth start";
}

TEST_F(RunnerTest, stop_checkpoints_and_hands_back) {
  behave(R"({"step_ms": 20, "checkpoint_steps": 0})");
  start(1);
  start(2);
  ASSERT_TRUE(poll_for<TrialProgress>(4));
  runner_->stop({0}, 5000, now());
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_EQ(of<TrialHandedBack>().size(), 2u);
  EXPECT_EQ(of<TrialCheckpoint>().size(), 2u);
}

TEST_F(RunnerTest, a_trainer_that_does_not_stop_in_time_is_killed) {
  behave(R"({"steps": 100000, "faults": [{"kind": "deaf", "step": 2}]})");
  start(1);
  ASSERT_TRUE(poll_for<TrialProgress>(3));
  const pid_t pid = trainer_pid();
  runner_->stop({0}, 300, now());
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_NE(of<TrainerDied>()[0].message.find("grace"), std::string::npos);
  EXPECT_FALSE(alive(pid));
}

TEST_F(RunnerTest, stopping_an_idle_slot_answers_too) {
  start(1);
  ASSERT_TRUE(poll_for<TrialFinished>());
  runner_->stop({0}, 1000, now());
  ASSERT_TRUE(poll_for<TrainerDied>());
  runner_->stop({0}, 1000, now());
  ASSERT_TRUE(poll_for<TrainerDied>(2)) << "and one without a process";
}

TEST_F(RunnerTest, cancel_drops_one_and_leaves_the_other) {
  behave(R"({"step_ms": 20})");
  start(1);
  start(2);
  ASSERT_TRUE(poll_for<TrialProgress>(2));
  runner_->cancel({0}, ref(1));
  ASSERT_TRUE(poll_for<TrialFinished>());
  ASSERT_EQ(of<TrialDropped>().size(), 1u);
  EXPECT_EQ(of<TrialDropped>()[0].attempt, ref(1));
  EXPECT_EQ(of<TrialFinished>()[0].attempt, ref(2));
}

TEST_F(RunnerTest, cancelled_before_a_trainer_runs_it_never_starts) {
  start(1);
  runner_->cancel({0}, ref(1));
  ASSERT_TRUE(poll_for<TrialDropped>());
  EXPECT_EQ(trainer_pid(), 0);
}

TEST_F(RunnerTest, no_trainer_program_is_the_nodes_fault) {
  options_.trainer_program = (folder_ / "not-there").string();
  start(1);
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_EQ(of<TrainerDied>()[0].kind, FailureKind::kNodeFault);
  EXPECT_NE(of<TrainerDied>()[0].message.find("--trainer"), std::string::npos);
}

// A file in the folder's place stands in for a disk that makes no more folders.
TEST_F(RunnerTest, no_folder_for_an_attempt_is_the_nodes_fault) {
  std::ofstream(folder_ / "1-1") << "in the way";
  start(1);
  ASSERT_TRUE(poll_for<TrialFailed>());
  EXPECT_EQ(of<TrialFailed>()[0].kind, FailureKind::kNodeFault);
}

TEST_F(RunnerTest, a_program_that_is_no_trainer_is_the_nodes_fault_or_a_crash) {
  options_.trainer_program = "/bin/true";
  start(1);
  ASSERT_TRUE(poll_for<TrainerDied>());
  EXPECT_NE(of<TrainerDied>()[0].message.find("exit code 0"), std::string::npos);
}

TEST_F(RunnerTest, a_silent_idle_trainer_does_not_hang) {
  options_.hang_after_ms = 200;
  start(1);
  ASSERT_TRUE(poll_for<TrialFinished>());
  ::usleep(400'000);
  start(2);
  ASSERT_TRUE(poll_for<TrialFinished>(2));
  EXPECT_TRUE(of<TrainerDied>().empty());
}

// A worker that is killed leaves no trainer behind, whatever the trainer does at that moment.
class OrphanTest : public RunnerTest, public testing::WithParamInterface<const char*> {};

TEST_P(OrphanTest, dies_with_its_agent) {
  behave(std::string(R"({"steps": 1000000, "faults": [)") + GetParam() + "]}");
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t agent = ::fork();
  if (agent == 0) {
    start(1);
    (void)poll_for<TrialProgress>(2);
    const pid_t pid = trainer_pid();
    (void)!::write(told[1], &pid, sizeof pid);
    while (true)
      ::pause();
  }
  pid_t trainer = 0;
  ASSERT_EQ(::read(told[0], &trainer, sizeof trainer), static_cast<ssize_t>(sizeof trainer));
  ::usleep(300'000);  // Into the hang, where nobody reads the end of file.
  ASSERT_TRUE(alive(trainer));
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  const TimeMs until = now() + 5000;
  while (alive(trainer) && now() < until)
    ::usleep(10'000);
  EXPECT_FALSE(alive(trainer));
}

INSTANTIATE_TEST_SUITE_P(Orphans, OrphanTest, testing::Values("", R"({"kind": "hang", "step": 3})"),
                         [](const auto& param) {
                           return param.index == 0 ? std::string("training")
                                                   : std::string("hanging");
                         });

}  // namespace
}  // namespace plateau::runner
