// The coordinator's one thread: Boost.Asio waits for the endpoint, for time and for signals, and
// each of them leads to rounds of the engine.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "coordinator/loop/engine.h"

namespace plateau {

struct LoopOptions {
  DurationMs tick_ms = 100;  // at most event::kTickMaxMs
  // Called every tick, before the round: the place to look after a local worker, to show progress.
  // `stopping`: a signal came. An error ends the loop with it.
  std::function<Status(bool stopping)> on_tick;
  // The first SIGINT, SIGTERM or SIGHUP: workers hand back what they have. A second one ends the
  // loop at once.
  std::function<void()> on_stopping;
  // Every worker is set aside and trials are left. True: end; false: wait for another worker.
  std::function<bool(const std::string& message)> on_stalled;
};

struct LoopEnd {
  enum class Why {
    kComplete,     // every trial has ended
    kInterrupted,  // a signal; what ran was handed back
    kAtOnce,       // a second signal
    kStalled,
  };
  Why why = Why::kComplete;
  std::string message;
};

// Runs until the sweep has ended or somebody stops it. Takes SIGINT, SIGTERM and SIGHUP meanwhile.
// The error of a round ends it: what was committed stays, and workers repeat the rest.
Result<LoopEnd> run_loop(Engine& engine, Endpoint& endpoint, const LoopOptions& options);

}  // namespace plateau
