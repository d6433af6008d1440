// The agent's one loop: frames, trainers, timers and signals in; the state machine's actions out.
//
// It owns everything and runs in one thread, the one that starts trainers. Only the preparation of
// trials, which may download, happens in a thread beside it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/transport/endpoint.h"
#include "worker/agent/agent_state.h"
#include "worker/agent/spool.h"
#include "worker/agent/wire_translation.h"
#include "worker/runner/runner.h"

namespace plateau::agent {

// Turns catalogue sources of a resolved trial into paths of this node. Called in another thread;
// may block for minutes. An error's kind decides whether the trial or the node is to blame.
using Prepare = std::function<Result<std::string>(const std::string& trial_json)>;
// For people: one line.
using Print = std::function<void(Log::Level level, const std::string& line)>;

struct LoopOptions {
  AgentOptions agent;
  WorkerDescription worker;
  std::filesystem::path attempts_folder;  // a folder an attempt is made and removed here
  DurationMs until_ms = 0;                // 0: no end; else like a preemption, grace_ms before
};

struct LoopParts {
  std::unique_ptr<Endpoint> endpoint;
  std::unique_ptr<runner::Runner> runner;
  Spool spool;
  Restored restored;
  Prepare prepare;
  Print print;
};

class AgentLoop {
 public:
  AgentLoop(LoopOptions options, LoopParts parts, const Clock& clock);
  ~AgentLoop();
  AgentLoop(const AgentLoop&) = delete;
  AgentLoop& operator=(const AgentLoop&) = delete;

  // Blocks until the agent ends. SIGTERM, SIGINT, SIGUSR1 and SIGHUP are preemptions; a second one
  // of SIGTERM or SIGINT ends at once (`interrupted`).
  struct End {
    Exit exit;
    bool interrupted = false;
  };
  End run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The kind of failure for a preparation's error: what another node could do better is this node's
// fault, the rest is the trial's.
FailureKind failure_kind(ErrorKind kind);

}  // namespace plateau::agent
