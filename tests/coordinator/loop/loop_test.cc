// The loop with its real descriptors, timers and signals.
#include "coordinator/loop/loop.h"

#include <csignal>

#include <gtest/gtest.h>

#include "tests/coordinator/gateway/bench.h"

namespace plateau {
namespace {

// A bench of its own wiring, since the loop needs the coordinator's endpoint.
struct LoopBench {
  explicit LoopBench(int trials = 1) : coordinator(network.coordinator()) {
    std::vector<NewTrial> sweep;
    for (int i = 0; i < trials; ++i)
      sweep.push_back(new_trial(4, static_cast<std::uint64_t>(i)));
    EXPECT_TRUE(store->put_sweep({"yaml", "null"}, sweep, 1));
    GatewayOptions gateway_options;
    gateway_options.inbox.run_folder = folder.path();
    gateway.emplace(*coordinator, scheduler, *store, gateway_options, [](const std::string&) {});
    engine.emplace(EngineParts{*coordinator, scheduler, *store, *gateway, system_clock(),
                               [](const std::string&) {}});
    EXPECT_TRUE(engine->restore());
  }
  void say(const wire::FromWorker& message) {
    EXPECT_EQ(worker->send({}, *wire::encode(message)), SendResult::kSent);
  }

  TemporaryFolder folder;
  MemoryNetwork network;
  std::unique_ptr<Endpoint> coordinator;
  std::unique_ptr<Endpoint> worker = network.connect_worker();
  std::unique_ptr<Store> store = memory_store();
  Scheduler scheduler{SchedulerOptions{}};
  std::optional<Gateway> gateway;
  std::optional<Engine> engine;
};

TEST(Loop, ends_when_every_trial_has_ended) {
  LoopBench bench;
  bench.say(Bench::hello());
  bench.say(Bench::chunk("m", "x"));
  int ticks = 0;
  LoopOptions options;
  options.tick_ms = 5;
  options.on_tick = [&](bool stopping) -> Status {
    EXPECT_FALSE(stopping);
    // Said while the loop waits: the descriptor wakes it.
    if (++ticks == 3) bench.say(Bench::finished(1, "m", "x"));
    return {};
  };
  const Result<LoopEnd> end = run_loop(*bench.engine, *bench.coordinator, options);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->why, LoopEnd::Why::kComplete);
  EXPECT_EQ(bench.scheduler.counts().finished, 1);
}

TEST(Loop, a_signal_stops_cleanly_and_a_second_one_at_once) {
  LoopBench bench;
  bench.say(Bench::hello());
  int ticks = 0;
  bool told = false;
  LoopOptions options;
  options.tick_ms = 5;
  // The worker never hands its trial back, so that one signal is not enough.
  options.on_tick = [&](bool stopping) -> Status {
    if (++ticks == 3) std::raise(SIGINT);
    if (stopping && ticks >= 6 && told) std::raise(SIGTERM);
    return {};
  };
  options.on_stopping = [&] { told = true; };
  const Result<LoopEnd> end = run_loop(*bench.engine, *bench.coordinator, options);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->why, LoopEnd::Why::kAtOnce);
  bool asked_to_stop = false;
  while (const std::optional<Frame> frame = bench.worker->receive()) {
    const Result<wire::FromCoordinator> message = wire::decode_from_coordinator(frame->bytes);
    asked_to_stop = asked_to_stop || (message && message->has_stop());
  }
  EXPECT_TRUE(asked_to_stop);
}

TEST(Loop, a_signal_with_nobody_at_work_ends_it) {
  LoopBench bench;
  LoopOptions options;
  options.tick_ms = 5;
  int ticks = 0;
  options.on_tick = [&](bool) -> Status {
    if (++ticks == 2) std::raise(SIGTERM);
    return {};
  };
  const Result<LoopEnd> end = run_loop(*bench.engine, *bench.coordinator, options);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->why, LoopEnd::Why::kInterrupted);
}

TEST(Loop, an_error_of_the_tick_ends_it) {
  LoopBench bench;
  LoopOptions options;
  options.on_tick = [](bool) -> Status { return internal_error("no worker can be started"); };
  const Result<LoopEnd> end = run_loop(*bench.engine, *bench.coordinator, options);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "no worker can be started");
}

}  // namespace
}  // namespace plateau
