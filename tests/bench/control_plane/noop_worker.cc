// A plateau-worker whose trainers do nothing: every trial has started and finished as soon as it is
// handed to its slot, with one small metric and no artifacts; preparing one (paths and checksums of
// its data) is left out as well. All else is the worker's own: agent state machine, loop, spool
// with its disk sync, ZeroMQ.
//
//   noop-worker SLOTS [options of plateau-worker]
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include <sys/eventfd.h>

#include "worker/agent/agent_loop.h"
#include "worker/agent/node.h"
#include "worker/agent/worker_options.h"

namespace plateau::agent {
namespace {

constexpr char kResult[] =
    R"({"steps":1,"metrics":[{"split":"test","name":"accuracy","value":0.5}]})";

class NoopRunner : public runner::Runner {
 public:
  void start_trial(SlotIndex, runner::TrialStart start, TimeMs) override {
    happened_.emplace_back(runner::TrialStarted{start.attempt, 0, 1});
    happened_.emplace_back(runner::TrialFinished{start.attempt, kResult, {}});
  }
  // Nothing is ever inside long enough to be cancelled.
  void cancel(SlotIndex, const AttemptRef&) override {}
  void stop(SlotIndex slot, DurationMs, TimeMs) override {
    happened_.emplace_back(
        runner::TrainerDied{slot, FailureKind::kTrainerCrashed, "stopped as asked"});
  }
  // The loop polls after whatever it carried out, so the descriptor need never become readable.
  std::vector<runner::TrialEvent> poll(TimeMs) override { return std::exchange(happened_, {}); }
  int poll_fd() const override { return never_.get(); }
  TimeMs next_wakeup(TimeMs) const override { return std::numeric_limits<TimeMs>::max(); }

 private:
  std::vector<runner::TrialEvent> happened_;
  runner::Fd never_{::eventfd(0, EFD_CLOEXEC)};
};

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
