// From a trial's submission to its start, when nothing else is to do: the real store (SQLite on the
// disk, synchronous=FULL), scheduler, gateway and loop in one thread, a real agent with a trainer
// that does nothing in another, ZeroMQ over a local socket between them. Every 20 ms one trial is
// committed and submitted; it has started when the agent hands it to its slot.
//
//   submit-latency FOLDER [trials]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include "common/base/file.h"
#include "common/transport/zeromq_endpoint.h"
#include "coordinator/loop/loop.h"
#include "tests/bench/control_plane/noop_runner.h"
#include "worker/agent/agent_loop.h"

namespace plateau {
namespace {

using Steady = std::chrono::steady_clock;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Steady::now().time_since_epoch())
      .count();
}

constexpr char kEnough[] = "all measured";
// The first trial never ends, so that the run does not end between two others.
constexpr TrialId kBlocker{1};

void work(const std::string& address, const std::filesystem::path& folder,
          std::atomic<std::int64_t>& started_us) {
  Result<agent::Spool> spool = agent::Spool::open(folder);
  PLATEAU_CHECK(spool.ok() && spool->begin(SessionId{7}), "the spool opens");
  agent::LoopOptions options;
  options.agent.session = SessionId{7};
  options.agent.slots = 2;
  options.attempts_folder = folder;
  options.worker.session = SessionId{7};
  options.worker.name = options.worker.host = "bench";
  options.worker.program_version = "bench";
  options.worker.pid = 1;
  options.worker.heartbeat_ms = 500;
  options.worker.slots.assign(2, {"cpu", "none", 0, 1});
  auto endpoint = connect_worker(address);
  PLATEAU_CHECK(endpoint.ok(), "the worker connects");
  auto runner = std::make_unique<NoopRunner>([&](TrialId trial) {
    started_us = now_us();
    return trial != kBlocker;
  });
  agent::LoopParts parts{std::move(*endpoint),
                         std::move(runner),
                         std::move(*spool),
                         {},
                         [](const std::string& json) -> Result<std::string> { return json; },
                         [](agent::Log::Level, const std::string&) {}};
  agent::AgentLoop(std::move(options), std::move(parts), system_clock()).run();
}

class Submitter {
 public:
  Submitter(Store& store, const Scheduler& scheduler, Engine& engine,
            std::atomic<std::int64_t>& started_us, int wanted)
      : store_(store),
        scheduler_(scheduler),
        engine_(engine),
        started_us_(started_us),
        wanted_(wanted) {}

  std::vector<double> taken_ms;

  Status tick() {
    if (submitted_us_ != 0) {
      if (started_us_ == 0) return {};
      if (next_ > 2) {  // the blocker waited for the worker to come
        taken_ms.push_back(static_cast<double>(started_us_ - submitted_us_) / 1000.0);
      }
    }
    if (static_cast<int>(taken_ms.size()) == wanted_) return invalid_argument(kEnough);
    // Idle: all that was submitted before has its result, but the blocker.
    if (scheduler_.counts().finished + 2 < next_) return {};
    started_us_ = 0;
    submitted_us_ = now_us();
    NewTrial trial;
    trial.trial.adapter.method = "lora";
    trial.trial.seed = static_cast<std::uint64_t>(next_);
    // As a search submits: one proposal, one transaction.
    const auto put =
        store_.put_proposal({"bench", "[]", "{}", ""}, {trial}, system_clock().wall_ms());
    if (!put) return put.error();
    TrialFacts facts;
    facts.id = TrialId{next_++};
    facts.group = "none/float32";
    engine_.post(event::TrialsSubmitted{{facts}});
    return {};
  }

 private:
  Store& store_;
  const Scheduler& scheduler_;
  Engine& engine_;
  std::atomic<std::int64_t>& started_us_;
  int wanted_;
  std::int64_t next_ = 1;
  std::int64_t submitted_us_ = 0;
};

Status run(const std::filesystem::path& folder, int trials) {
  if (Status made = make_folder(folder / "run"); !made) return made;
  Result<std::unique_ptr<Store>> store = open_store(folder / "run", {"bench", "bench"});
  if (!store) return store.error();
  Result<BoundEndpoint> bound = bind_coordinator("ipc://" + (folder / "socket/s").string());
  if (!bound) return bound.error();
  const LogLine log = [](const std::string&) {};
  Scheduler scheduler({});
  GatewayOptions gateway_options;
  gateway_options.inbox.run_folder = folder / "run";
  Gateway gateway(*bound->endpoint, scheduler, **store, gateway_options, log);
  Engine engine({*bound->endpoint, scheduler, **store, gateway, system_clock(), log});
  if (auto restored = engine.restore(); !restored) return restored.error();

  std::atomic<std::int64_t> started_us = 0;
  Submitter submitter(**store, scheduler, engine, started_us, trials);
  LoopOptions options;
  options.tick_ms = 20;
  options.on_tick = [&](bool) { return submitter.tick(); };
  std::thread worker([&] { work(bound->address, folder / "worker", started_us); });
  const Result<LoopEnd> end = run_loop(engine, *bound->endpoint, options);
  std::vector<double>& ms = submitter.taken_ms;
  if (end || end.error().message != kEnough) return internal_error("the loop ended early");
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  std::printf("submit to start, %d trials: median %.2f ms, p99 %.2f ms, max %.2f ms\n", trials,
              at(0.5), at(0.99), ms.back());
  std::fflush(stdout);
  ::_exit(0);  // the agent would wait for its coordinator
}

}  // namespace
}  // namespace plateau

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: submit-latency FOLDER [trials]\n");
    return 2;
  }
  const plateau::Status done =
      plateau::run(std::filesystem::absolute(argv[1]), argc > 2 ? std::atoi(argv[2]) : 300);
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
