// A plateau-worker whose trainers do nothing: every trial has started and finished as soon as it is
// handed to its slot, with one small metric and no artifacts; preparing one (paths and checksums of
// its data) is left out as well. All else is the worker's own: agent state machine, loop, spool
// with its disk sync, ZeroMQ.
//
//   noop-worker SLOTS [options of plateau-worker]
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/bench/control_plane/noop_runner.h"
#include "worker/agent/agent_loop.h"
#include "worker/agent/node.h"
#include "worker/agent/worker_options.h"

namespace plateau::agent {
namespace {

void print(Log::Level level, const std::string& line) {
  if (level != Log::Level::kInfo) std::fprintf(stderr, "noop-worker: %s\n", line.c_str());
}

int work(const WorkerOptions& options, std::size_t slots) {
  Result<Node> node = make_node(options, print);
  if (!node) {
    std::fprintf(stderr, "noop-worker: %s\n", node.error().message.c_str());
    return exit_code(node.error().kind);
  }
  node->parts.runner = std::make_unique<NoopRunner>();
  node->parts.prepare = [](const std::string& trial_json) -> Result<std::string> {
    return trial_json;
  };
  node->options.agent.slots = slots;
  node->options.worker.slots.resize(slots, node->options.worker.slots.front());
  AgentLoop(std::move(node->options), std::move(node->parts), system_clock()).run();
  return 0;
}

}  // namespace
}  // namespace plateau::agent

int main(int argc, char** argv) {
  using namespace plateau::agent;
  std::signal(SIGPIPE, SIG_IGN);
  const int slots = argc > 1 ? std::atoi(argv[1]) : 0;
  if (slots < 1) {
    std::fprintf(stderr, "usage: noop-worker SLOTS [options of plateau-worker]\n");
    return 2;
  }
  const auto parsed = parse_options(argc - 1, argv + 1);
  if (const auto* end = std::get_if<PrintAndEnd>(&parsed)) {
    std::fputs(end->text.c_str(), stderr);
    return end->exit_code;
  }
  return work(std::get<WorkerOptions>(parsed), static_cast<std::size_t>(slots));
}
