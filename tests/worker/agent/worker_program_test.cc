// plateau-worker as a program: real processes, a real socket, the stand-in trainer, and a
// coordinator that the test plays.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/catalogue/local_source.h"
#include "common/spec/methods.h"
#include "common/spec/trial.h"
#include "tests/support/stand_in_trial.h"
#include "tests/worker/agent/scripted_coordinator.h"
#include "worker/runner/process.h"

namespace plateau::agent {
namespace {

namespace fs = std::filesystem;

class WorkerProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    // Short: a local socket's path has 107 bytes at most.
    folder_ = fs::path("/tmp") /
              ("plateau-wp-" + std::to_string(::getpid()) + "-" + std::to_string(++tests_));
    fs::create_directories(folder_ / "base");
    fs::create_directories(folder_ / "task");
    std::ofstream(folder_ / "base" / "model.safetensors") << "weights";
    std::ofstream(folder_ / "task" / "train.jsonl") << "{\"sentence\": \"a\", \"label\": 0}\n";
    coordinator_ = std::make_unique<ScriptedCoordinator>(folder_);
    behave(R"({"steps": 20, "step_ms": 5})");
  }
  void TearDown() override {
    worker_.reset();
    coordinator_.reset();
    fs::remove_all(folder_);
  }

  void behave(const std::string& json) { stand_in_ = "PLATEAU_STAND_IN=" + json; }

  std::string trial_json(std::uint64_t seed) { return to_json(trial(seed)).dump(); }
  Trial trial(std::uint64_t seed) {
    Trial trial;
    trial.base.source = trial.task.source = "folder";
    trial.base.path = (folder_ / "base").string();
    trial.base.sha256 = *sha256_of_file(folder_ / "base" / "model.safetensors");
    trial.task.name = "task";
    trial.task.path = (folder_ / "task").string();
    trial.task.reader = "jsonl";
    SourceReference reference;
    reference.path = trial.task.path;
    reference.options["reader"] = "jsonl";
    trial.task.sha256 = *task_sha256(reference, folder_ / "cache");
    trial.adapter.method = "lora";
    trial.adapter.parameters =
        *resolve_method_parameters(*find_method("lora"), nlohmann::json{{"rank", 4}});
    trial.seed = seed;
    return trial;
  }

  std::unique_ptr<runner::Process> start(const std::vector<std::string>& more = {}) {
    const fs::path bin =
        std::getenv("PLATEAU_BIN_DIR") != nullptr
            ? fs::path(std::getenv("PLATEAU_BIN_DIR"))
            : fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin";
    runner::Command command;
    command.program = (bin / "plateau-worker").string();
    command.arguments = {
        "--connect",
        coordinator_->address(),
        "--devices",
        "cpu",
        "--name",
        "w",
        "--folder",
        (folder_ / "worker").string(),
        "--heartbeat-ms",
        "100",
        "--trainer",
        trainer_.empty() ? (bin.parent_path() / "tests" / "stand-in-trainer").string() : trainer_};
    command.arguments.insert(command.arguments.end(), more.begin(), more.end());
    command.environment = {stand_in_, "PLATEAU_CACHE=" + (folder_ / "cache").string()};
    command.log_path = (folder_ / "worker.log").string();
    return std::move(runner::Process::start(command)).value();
  }

  // The exit code; -1: it did not end in time, -2: a signal.
  int wait_for_end(runner::Process& process, DurationMs patience_ms = 20'000) {
    for (DurationMs waited_ms = 0; waited_ms < patience_ms; waited_ms += 10) {
      if (const auto status = process.poll_exit()) return status->signal != 0 ? -2 : status->code;
      ::usleep(10'000);
    }
    return -1;
  }

  std::string log() { return *read_file(folder_ / "worker.log"); }
  bool heard(wire::Report::BodyCase body, std::size_t times = 1) {
    return coordinator_->serve_until([&] { return coordinator_->count(body) >= times; });
  }

  // A worker that is welcomed and has one trial that runs.
  void start_training(std::uint64_t seed = 1) {
    coordinator_->begin();
    worker_ = start();
    ASSERT_TRUE(coordinator_->serve_until([&] { return coordinator_->last_hello().has_value(); }));
    coordinator_->assign(static_cast<std::int64_t>(seed), 1, trial_json(seed));
    ASSERT_TRUE(heard(wire::Report::kStarted)) << log();
  }

  // The worker's only child.
  pid_t trainer_pid() {
    const std::string worker = std::to_string(worker_->pid());
    std::ifstream children("/proc/" + worker + "/task/" + worker + "/children");
    pid_t pid = 0;
    children >> pid;
    return pid;
  }

  static int tests_;
  fs::path folder_;
  std::string stand_in_;
  std::string trainer_;  // empty: the stand-in
  std::unique_ptr<ScriptedCoordinator> coordinator_;
  std::unique_ptr<runner::Process> worker_;
};

int WorkerProgramTest::tests_ = 0;

TEST_F(WorkerProgramTest, trains_what_it_is_assigned_and_delivers_every_byte) {
  start_training();
  ASSERT_TRUE(heard(wire::Report::kFinished)) << log();
  const wire::Finished finished = coordinator_->report(wire::Report::kFinished)->finished();
  ASSERT_EQ(finished.artifacts_size(), 4);
  for (const wire::Artifact& artifact : finished.artifacts())
    EXPECT_EQ(sha256_hex(coordinator_->artifacts["1/" + artifact.name()]), artifact.sha256());
  const auto result = nlohmann::json::parse(finished.result_json());
  EXPECT_EQ(result.at("metrics").at(0).at("value").get<double>(),
            stand_in::test_accuracy(trial_key(trial(1)), 20));
  EXPECT_GE(coordinator_->count(wire::Report::kMetric), 4u);
  wire::FromCoordinator stop;
  stop.mutable_stop()->set_drain(true);
  coordinator_->send(stop);
  (void)coordinator_->serve_until([&] { return coordinator_->heard.back().has_goodbye(); });
  EXPECT_EQ(wait_for_end(*worker_), 0) << log();
  EXPECT_TRUE(fs::is_empty(folder_ / "worker" / "attempts")) << "nothing is left on the node";
}

TEST_F(WorkerProgramTest, a_signal_hands_everything_back_within_the_grace_time) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    behave(R"({"steps": 100000, "step_ms": 10, "checkpoint_steps": 0})");
    coordinator_ = std::make_unique<ScriptedCoordinator>(folder_);
    start_training(static_cast<std::uint64_t>(signal));
    const TimeMs begun = system_clock().monotonic_ms();
    ::kill(worker_->pid(), signal);
    ASSERT_TRUE(heard(wire::Report::kHandedBack)) << log();
    EXPECT_EQ(coordinator_->count(wire::Report::kCheckpointed), 1u);
    EXPECT_EQ(coordinator_->artifacts.size(), 1u) << "the checkpoint arrived before";
    (void)coordinator_->serve_until([&] { return coordinator_->heard.back().has_goodbye(); });
    EXPECT_EQ(wait_for_end(*worker_), 0) << log();
    EXPECT_LT(system_clock().monotonic_ms() - begun, 10'000);
  }
}

TEST_F(WorkerProgramTest, a_signal_to_every_process_of_the_job_reaches_the_trainer_in_vain) {
  behave(R"({"steps": 100000, "step_ms": 10, "checkpoint_steps": 0})");
  start_training();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
    ::kill(trainer_pid(), signal);
  ::usleep(200'000);  // Long enough for the worker to notice a death, and to tell of a crash.
  ::kill(worker_->pid(), SIGTERM);
  ASSERT_TRUE(heard(wire::Report::kHandedBack)) << log();
  EXPECT_EQ(coordinator_->count(wire::Report::kFailed), 0u) << log();
  EXPECT_EQ(coordinator_->count(wire::Report::kCheckpointed), 1u);
}

TEST_F(WorkerProgramTest, outlives_its_coordinator_and_says_hello_to_the_next_with_what_it_holds) {
  behave(R"({"steps": 150, "step_ms": 10})");
  start_training();
  coordinator_->vanish();
  ::usleep(2'500'000);  // Silence, and the trial goes on and ends.
  coordinator_->heard.clear();
  coordinator_->begin();
  const TimeMs begun = system_clock().monotonic_ms();
  ASSERT_TRUE(coordinator_->serve_until([&] { return coordinator_->last_hello().has_value(); }));
  EXPECT_LT(system_clock().monotonic_ms() - begun, 1000);
  ASSERT_EQ(coordinator_->last_hello()->held_size(), 1);
  EXPECT_TRUE(heard(wire::Report::kFinished)) << log();
  EXPECT_EQ(coordinator_->count(wire::Report::kStarted), 0u) << "acknowledged before";
}

TEST_F(WorkerProgramTest, a_result_survives_the_workers_own_death) {
  coordinator_->answer_chunks = false;
  start_training();
  ASSERT_TRUE(coordinator_->serve_until([&] {
    // Anywhere in what was heard: a heartbeat may have come right behind it.
    return std::any_of(coordinator_->heard.begin(), coordinator_->heard.end(), [](const auto& m) {
      return m.has_chunk() && m.chunk().name() == "metrics.jsonl";
    });
  })) << log();
  const std::uint64_t session = coordinator_->session();
  ::kill(worker_->pid(), SIGKILL);
  EXPECT_EQ(wait_for_end(*worker_), -2);
  coordinator_->heard.clear();
  coordinator_->answer_chunks = true;
  behave(R"({"faults": [{"kind": "crash", "step": 1}]})");  // Trained again, it would show.
  worker_ = start();
  ASSERT_TRUE(heard(wire::Report::kFinished)) << log();
  EXPECT_EQ(coordinator_->session(), session);
  EXPECT_EQ(coordinator_->report(wire::Report::kFinished)->attempt().trial(), 1);
  const auto bytes = coordinator_->artifacts["1/adapter/adapter_config.json"];
  EXPECT_NE(bytes.find(trial_key(trial(1))), std::string::npos) << bytes;
}

TEST_F(WorkerProgramTest, killed_in_training_it_begins_a_new_session_and_leaves_no_trainer) {
  behave(R"({"steps": 100000})");
  start_training();
  const std::uint64_t session = coordinator_->session();
  ::kill(worker_->pid(), SIGKILL);
  EXPECT_EQ(wait_for_end(*worker_), -2);
  coordinator_->heard.clear();
  worker_ = start();
  ASSERT_TRUE(coordinator_->serve_until([&] { return coordinator_->last_hello().has_value(); }));
  EXPECT_NE(coordinator_->session(), session);
  EXPECT_EQ(coordinator_->last_hello()->held_size(), 0);
}

TEST_F(WorkerProgramTest, a_missing_base_fails_the_trial_at_once_with_its_path) {
  coordinator_->begin();
  worker_ = start();
  ASSERT_TRUE(coordinator_->serve_until([&] { return coordinator_->last_hello().has_value(); }));
  fs::remove_all(folder_ / "cache");
  const std::string json = trial_json(1);
  fs::remove_all(folder_ / "base");
  coordinator_->assign(1, 1, json);
  ASSERT_TRUE(heard(wire::Report::kFailed)) << log();
  const wire::Failed failed = coordinator_->report(wire::Report::kFailed)->failed();
  EXPECT_EQ(failed.kind(), wire::BAD_CONFIGURATION);
  EXPECT_NE(failed.message().find("base"), std::string::npos) << failed.message();
}

// ---- how it ends --------------------------------------------------------------------------------

TEST_F(WorkerProgramTest, refused_for_its_version_it_ends_with_4_and_says_why) {
  coordinator_->refuse = wire::Refused::PROTOCOL_VERSION;
  coordinator_->begin();
  worker_ = start();
  (void)coordinator_->serve_until([&] { return worker_->poll_exit().has_value(); });
  EXPECT_EQ(wait_for_end(*worker_), 4);
  EXPECT_NE(log().find("too old; build it anew"), std::string::npos) << log();
}

TEST_F(WorkerProgramTest, without_a_coordinator_it_gives_up_with_7) {
  worker_ = start({"--give-up", "1s"});
  EXPECT_EQ(wait_for_end(*worker_), 7) << log();
}

TEST_F(WorkerProgramTest, a_second_worker_on_the_folder_ends_with_6) {
  worker_ = start();
  ::usleep(300'000);
  const auto second = start();
  EXPECT_EQ(wait_for_end(*second), 6);
  EXPECT_NE(log().find("in use by another process"), std::string::npos) << log();
}

TEST_F(WorkerProgramTest, no_trainer_program_ends_with_3_and_a_bad_address_with_2) {
  trainer_ = "/nowhere/trainer";
  worker_ = start();
  EXPECT_EQ(wait_for_end(*worker_), 3);
  EXPECT_NE(log().find("/nowhere/trainer"), std::string::npos) << log();
  trainer_.clear();
  worker_ = start({"--connect", "carrier-pigeon"});  // Twice, as well as no address.
  EXPECT_EQ(wait_for_end(*worker_), 2);
}

TEST_F(WorkerProgramTest, until_ends_it_in_time_with_everything_handed_back) {
  behave(R"({"steps": 100000, "step_ms": 10})");
  coordinator_->begin();
  worker_ = start({"--until", "4s", "--grace", "2s"});
  ASSERT_TRUE(coordinator_->serve_until([&] { return coordinator_->last_hello().has_value(); }));
  coordinator_->assign(1, 1, trial_json(1));
  ASSERT_TRUE(heard(wire::Report::kHandedBack)) << log();
  (void)coordinator_->serve_until([&] { return coordinator_->heard.back().has_goodbye(); });
  EXPECT_EQ(wait_for_end(*worker_, 4000), 0) << log();
}

TEST_F(WorkerProgramTest, two_signals_end_it_at_once_with_130) {
  behave(R"({"steps": 100000, "faults": [{"kind": "deaf", "step": 1}]})");
  start_training();
  ::kill(worker_->pid(), SIGINT);
  ::usleep(200'000);
  EXPECT_FALSE(worker_->poll_exit().has_value())
      << "its trainer does not listen; the grace time runs";
  ::kill(worker_->pid(), SIGINT);
  EXPECT_EQ(wait_for_end(*worker_, 3000), 130) << log();
}

}  // namespace
}  // namespace plateau::agent
