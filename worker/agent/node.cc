#include "worker/agent/node.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <utility>

#include <unistd.h>

#include "common/catalogue/catalogue.h"
#include "common/spec/trial.h"
#include "common/transport/address.h"
#include "common/transport/zeromq_endpoint.h"
#include "worker/agent/attempt_files.h"
#include "worker/agent/devices.h"
#include "worker/agent/trainer_environment.h"

namespace plateau::agent {
namespace {

namespace fs = std::filesystem;

std::string host_name() {
  char name[256] = "localhost";
  ::gethostname(name, sizeof name - 1);
  return name;
}

// A local socket is its owner's alone and needs none; what PLATEAU_KEY_FILE says is for others.
Result<std::optional<WorkerKeys>> choose_keys(const WorkerOptions& options) {
  const std::optional<WorkerKeys> none;
  if (options.connect.starts_with("ipc://") || options.insecure) return none;
  if (!options.key.empty()) {
    Result<WorkerKeys> keys = read_worker_keys(options.key);
    if (!keys) return keys.error();
    return std::optional<WorkerKeys>(std::move(*keys));
  }
  if (stays_on_this_host(options.connect)) return none;
  return invalid_argument("The coordinator at " + options.connect +
                          " is on another host, so this worker needs a key. Copy worker.key from "
                          "the folder that `plateau keys new` made there, and give it with --key "
                          "FILE or PLATEAU_KEY_FILE. A coordinator that runs with --insecure takes "
                          "workers with --insecure.");
}

Result<fs::path> find_trainer(const std::string& given) {
  std::error_code error;
  const fs::path path =
      given.empty() ? fs::read_symlink("/proc/self/exe", error).parent_path() / "plateau-trainer"
                    : fs::absolute(given);
  if (::access(path.c_str(), X_OK) == 0) return path;
  return not_found("There is no trainer program at " + path.string() +
                   ". Build it (./plateau does), or name it with --trainer PATH.");
}

fs::path default_folder(const std::string& name) {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path root = "/tmp";
  if (state != nullptr && *state != '\0') {
    root = state;
  } else if (home != nullptr) {
    root = fs::path(home) / ".local/state";
  }
  return root / "plateau" / ("worker-" + name);
}

// Positive and never 0: 0 is no session.
SessionId draw_session() {
  std::random_device device;
  const std::uint64_t high = device(), low = device();
  return {static_cast<std::int64_t>((high << 32 | low) >> 1 | 1)};
}

runner::SlotSetup slot_setup(std::size_t index, const Device& device, const WorkerOptions& options,
                             std::size_t devices) {
  runner::SlotSetup setup;
  setup.index = SlotIndex{static_cast<std::int64_t>(index)};
  setup.device_name = device.name;
  setup.device_argument = device.visible_as.empty() ? "cpu" : "cuda:0";
  const auto share = static_cast<std::int64_t>(static_cast<std::size_t>(cpu_threads()) / devices);
  setup.environment = trainer_environment(device, options.threads, std::max<std::int64_t>(share, 1),
                                          inherited_threads());
  return setup;
}

// A trial of the wire is the trial of the store: what does not parse is of another version.
Prepare make_prepare(std::shared_ptr<const Catalogue> catalogue) {
  return [catalogue = std::move(catalogue)](const std::string& text) -> Result<std::string> {
    Result<Trial> trial = trial_from_json(nlohmann::json::parse(text, nullptr, false));
    if (!trial) return trial.error();
    Result<Trial> local = with_local_paths(std::move(*trial), *catalogue, cache_folder());
    if (!local) return local.error();
    return to_json(*local).dump();
  };
}

struct OpenedSpool {
  Spool spool;
  SessionId session;
  Restored restored;
};

Result<OpenedSpool> open_spool(const fs::path& folder, const Print& print) {
  Result<Spool> spool = Spool::open(folder);
  if (!spool) return spool.error();
  if (spool->torn_bytes() > 0) {
    print(Log::Level::kWarning, "the last " + std::to_string(spool->torn_bytes()) +
                                    " bytes of the kept reports were torn by a crash; left out");
  }
  std::optional<SpoolContents> contents = spool->contents();
  if (contents) {
    print(Log::Level::kInfo, "going on with results that an earlier process could not report");
    return OpenedSpool{std::move(*spool), contents->session, std::move(contents->restored)};
  }
  const SessionId session = draw_session();
  if (Status begun = spool->begin(session); !begun) return begun.error();
  return OpenedSpool{std::move(*spool), session, {}};
}

Status prepare_attempts(const fs::path& folder, const Restored& restored) {
  if (Status made = make_folder(folder); !made) return made;
  std::vector<AttemptRef> kept;
  for (const KeepResult& result : restored.results)
    kept.push_back(result.attempt);
  AttemptFiles(folder).remove_all_but(kept);
  return {};
}

LoopOptions loop_options(const WorkerOptions& options, SessionId session,
                         const std::vector<Device>& devices) {
  LoopOptions loop;
  loop.agent.session = session;
  loop.agent.slots = devices.size();
  loop.agent.heartbeat_ms = options.heartbeat_ms;
  loop.agent.grace_ms = options.grace_ms;
  loop.agent.give_up_ms = options.give_up_ms;
  loop.until_ms = options.until_ms;
  WorkerDescription& worker = loop.worker;
  worker.session = session;
  worker.host = host_name();
  worker.name = options.name.empty() ? worker.host : options.name;
  worker.program_version = PLATEAU_VERSION;
  worker.pid = ::getpid();
  worker.heartbeat_ms = options.heartbeat_ms;
  for (const Device& device : devices) {
    worker.slots.push_back({device.name, device.description, device.memory_bytes, options.pack});
  }
  return loop;
}

Result<std::unique_ptr<runner::Runner>> make_runner(const WorkerOptions& options,
                                                    const fs::path& trainer, const fs::path& folder,
                                                    const std::vector<Device>& devices) {
  runner::RunnerOptions runner;
  runner.trainer_program = trainer.string();
  runner.log_folder = folder.string();
  runner.hang_after_ms = options.hang_after_ms;
  std::vector<runner::SlotSetup> slots;
  for (std::size_t i = 0; i < devices.size(); ++i)
    slots.push_back(slot_setup(i, devices[i], options, devices.size()));
  return runner::Runner::make(std::move(runner), std::move(slots));
}

}  // namespace

Result<Node> make_node(const WorkerOptions& options, Print print) {
  const Result<std::optional<WorkerKeys>> keys = choose_keys(options);
  if (!keys) return keys.error();
  const Result<fs::path> trainer = find_trainer(options.trainer);
  if (!trainer) return trainer.error();
  const bool cpu_only = options.devices == "cpu";
  const Result<std::vector<Device>> devices =
      choose_devices(options.devices, cpu_only ? std::vector<Device>{} : cuda_devices());
  if (!devices) return devices.error();

  const std::string name = options.name.empty() ? host_name() : options.name;
  const fs::path folder =
      fs::absolute(options.folder.empty() ? default_folder(name) : fs::path(options.folder));
  if (Status made = make_folder(folder); !made) return made.error();
  Result<FileLock> lock =
      FileLock::acquire(folder / "lock", "The worker's folder " + folder.string());
  if (!lock) return lock.error();
  Result<std::vector<FileLock>> locks = lock_devices(*devices);
  if (!locks) return locks.error();
  locks->push_back(std::move(*lock));

  Result<OpenedSpool> opened = open_spool(folder, print);
  if (!opened) return opened.error();
  LoopOptions loop = loop_options(options, opened->session, *devices);
  loop.attempts_folder = folder / "attempts";
  if (Status ready = prepare_attempts(loop.attempts_folder, opened->restored); !ready) {
    return ready.error();
  }
  Result<Catalogue> catalogue = Catalogue::load(options.catalogue);
  if (!catalogue) return catalogue.error();
  Result<std::unique_ptr<runner::Runner>> runner = make_runner(options, *trainer, folder, *devices);
  if (!runner) return runner.error();
  Result<std::unique_ptr<Endpoint>> endpoint = connect_worker(options.connect, *keys);
  if (!endpoint) return endpoint.error();
  return Node{std::move(*locks), std::move(loop),
              LoopParts{std::move(*endpoint), std::move(*runner), std::move(opened->spool),
                        std::move(opened->restored),
                        make_prepare(std::make_shared<const Catalogue>(std::move(*catalogue))),
                        std::move(print)}};
}

}  // namespace plateau::agent
