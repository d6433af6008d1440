// plateau-worker: see `plateau-worker --help` and README.md.
#include <csignal>
#include <cstdio>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "worker/agent/agent_loop.h"
#include "worker/agent/node.h"
#include "worker/agent/worker_options.h"

namespace plateau::agent {
namespace {

void print(Log::Level level, const std::string& line) {
  constexpr spdlog::level::level_enum levels[] = {spdlog::level::info, spdlog::level::warn,
                                                  spdlog::level::err};
  spdlog::log(levels[static_cast<int>(level)], "{}", line);
}

int exit_code_of(const AgentLoop::End& end) {
  if (end.interrupted) return 130;
  switch (end.exit.why) {
    case Exit::Why::kDone:
    case Exit::Why::kPreempted:
      return 0;
    case Exit::Why::kGraceOver:
      return 1;
    case Exit::Why::kRefused:
      return 4;
    case Exit::Why::kCoordinatorGone:
      return 7;
    case Exit::Why::kKeyRefused:
      return 8;
  }
  return 70;
}

int work(const WorkerOptions& options) {
  Result<Node> node = make_node(options, print);
  if (!node) {
    std::fprintf(stderr, "plateau-worker: %s\n", node.error().message.c_str());
    return exit_code(node.error().kind);
  }
  for (const SlotDescription& slot : node->options.worker.slots)
    print(Log::Level::kInfo, "slot on " + slot.device + ": " + slot.device_name);
  print(Log::Level::kInfo, "connecting to " + options.connect);
  const AgentLoop::End end =
      AgentLoop(std::move(node->options), std::move(node->parts), system_clock()).run();
  print(exit_code_of(end) == 0 ? Log::Level::kInfo : Log::Level::kError,
        "ended: " + end.exit.message);
  return exit_code_of(end);
}

}  // namespace
}  // namespace plateau::agent

int main(int argc, char** argv) {
  using namespace plateau::agent;
  // A trainer that died must not take us along when we write to it.
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_logger_st("plateau-worker"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
  const auto parsed = parse_options(argc, argv);
  if (const auto* end = std::get_if<PrintAndEnd>(&parsed)) {
    std::fputs(end->text.c_str(), end->exit_code == 0 ? stdout : stderr);
    return end->exit_code;
  }
  return work(std::get<WorkerOptions>(parsed));
}
