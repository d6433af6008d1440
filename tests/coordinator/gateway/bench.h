// A coordinator without a process: real scheduler, gateway and engine over a store and a network in
// memory, and a worker whose messages the test writes by hand.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "common/transport/memory_endpoint.h"
#include "coordinator/gateway/translate.h"
#include "coordinator/loop/engine.h"
#include "tests/coordinator/store/trials.h"

namespace plateau {

inline constexpr std::uint64_t kSession = 42;

class Bench {
 public:
  explicit Bench(int trials = 1, std::unique_ptr<Store> store = memory_store())
      : store_(std::move(store)), endpoint_(network_.coordinator()) {
    std::vector<NewTrial> sweep;
    for (int i = 0; i < trials; ++i)
      sweep.push_back(new_trial(4, static_cast<std::uint64_t>(i)));
    EXPECT_TRUE(store_->put_sweep({"yaml", "null"}, sweep, clock_.wall_ms()));
    start();
  }

  // A new life of the coordinator over the same store and run folder.
  void start() {
    engine_.reset();
    gateway_.reset();
    scheduler_ = std::make_unique<Scheduler>(SchedulerOptions{});
    GatewayOptions options;
    options.coordinator_run = ++life_;
    options.inbox.run_folder = folder_.path();
    const LogLine log = [this](const std::string& line) { log_.push_back(line); };
    gateway_ = std::make_unique<Gateway>(*endpoint_, *scheduler_, *store_, options, log);
    engine_ = std::make_unique<Engine>(
        EngineParts{*endpoint_, *scheduler_, *store_, *gateway_, clock_, log, observe});
    EXPECT_TRUE(engine_->restore());
    run();
  }

  // Rounds until one finds nothing to do.
  void run() {
    for (int i = 0; i < 1000; ++i) {
      const Result<bool> more = engine_->round();
      ASSERT_TRUE(more) << more.error().message;
      if (!*more) return;
    }
    FAIL() << "the engine never comes to rest";
  }

  void send_bytes(const std::string& bytes) {
    ASSERT_EQ(worker_->send({}, bytes), SendResult::kSent);
    run();
  }
  void send(const wire::FromWorker& message) {
    const Result<std::string> bytes = wire::encode(message);
    ASSERT_TRUE(bytes) << bytes.error().message;
    send_bytes(*bytes);
  }

  // What the worker heard since it was asked last.
  std::vector<wire::FromCoordinator> heard() {
    std::vector<wire::FromCoordinator> messages;
    while (const std::optional<Frame> frame = worker_->receive()) {
      Result<wire::FromCoordinator> message = wire::decode_from_coordinator(frame->bytes);
      EXPECT_TRUE(message);
      if (message) messages.push_back(std::move(*message));
    }
    return messages;
  }

  static wire::FromWorker hello(std::uint64_t session = kSession) {
    wire::FromWorker message;
    message.set_session(session);
    wire::Hello* body = message.mutable_hello();
    body->set_protocol_version(wire::kProtocolVersion);
    body->set_program_version("0.1.0");
    body->set_worker_name("node");
    body->set_host("node");
    body->set_pid(7);
    body->set_heartbeat_interval_ms(500);
    body->set_first_sequence(1);
    body->set_number(1);
    wire::Slot* slot = body->add_slots();
    slot->set_device("cpu");
    slot->set_pack_limit(1);
    return message;
  }

  static wire::FromWorker report(std::uint64_t sequence, std::int64_t attempt = 1) {
    wire::FromWorker message;
    message.set_session(kSession);
    message.mutable_report()->set_sequence(sequence);
    set_attempt(ref(1, attempt), message.mutable_report()->mutable_attempt());
    return message;
  }

  static wire::FromWorker chunk(const std::string& name, const std::string& whole,
                                std::int64_t attempt = 1) {
    wire::FromWorker message;
    message.set_session(kSession);
    wire::ArtifactChunk* body = message.mutable_chunk();
    set_attempt(ref(1, attempt), body->mutable_attempt());
    body->set_name(name);
    body->set_data(whole);
    body->set_size_bytes(whole.size());
    body->set_sha256(sha256_hex(whole));
    return message;
  }

  // A finished report of trial 1 that names one artifact.
  static wire::FromWorker finished(std::uint64_t sequence, const std::string& name,
                                   const std::string& whole) {
    wire::FromWorker message = report(sequence);
    wire::Finished* body = message.mutable_report()->mutable_finished();
    body->set_result_json(kResultJson);
    wire::Artifact* artifact = body->add_artifacts();
    artifact->set_name(name);
    artifact->set_size_bytes(whole.size());
    artifact->set_sha256(sha256_hex(whole));
    return message;
  }

  std::filesystem::path trial_folder() { return folder_.path() / store_->trial_text({1})->folder; }

  Scheduler& scheduler() { return *scheduler_; }
  Store& store() { return *store_; }
  Engine& engine() { return *engine_; }
  Endpoint& worker() { return *worker_; }
  FakeClock& clock() { return clock_; }
  const std::vector<std::string>& log() const { return log_; }

  // Of the lives from the next start() on.
  std::function<std::vector<Event>(const std::vector<const Record*>&)> observe;

 private:
  TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<Store> store_;
  MemoryNetwork network_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Endpoint> worker_ = network_.connect_worker();
  std::vector<std::string> log_;
  std::uint64_t life_ = 0;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace plateau
