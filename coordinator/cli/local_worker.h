// The worker that `plateau run` starts on its own machine: a child process in a process group of
// its own, so that Ctrl-C reaches the coordinator alone, which then tells the worker.
//
// Never two of a run: the child inherits a flock on <run>/worker.lock and holds it until it and its
// trainers are gone, also when its coordinator was killed. A coordinator that finds the lock taken
// adopts that worker, which connects again by itself.
//
// Time is an argument. One thread. Does not block, but for stop().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace plateau::cli {

struct LocalWorkerOptions {
  std::filesystem::path program;  // plateau-worker
  std::filesystem::path run_folder;
  std::vector<std::string> arguments;  // of the program
};

class LocalWorker {
 public:
  // Starts the worker, or adopts the one that lives. kIo: the program cannot be started.
  static Result<LocalWorker> start_or_adopt(LocalWorkerOptions options, TimeMs now_ms);
  ~LocalWorker();
  LocalWorker(LocalWorker&& other) noexcept;
  LocalWorker& operator=(LocalWorker&& other) noexcept;
  LocalWorker(const LocalWorker&) = delete;
  LocalWorker& operator=(const LocalWorker&) = delete;

  bool adopted() const { return adopted_; }
  pid_t pid() const { return pid_; }

  // How it ended, once, when it did since the last call: "exit code 3", "signal 9 (Killed)".
  std::optional<std::string> poll();

  // After poll() told of an end: starts another one: at once, and a little later each further time
  // that one dies young.
  // kInternal after kMaxYoungDeaths in a row: the message has the end of its log.
  Status restart_when_due(TimeMs now_ms);

  // Waits for the end that it was told of; then SIGTERM, then SIGKILL. Blocks up to that long.
  void stop(DurationMs patience_ms);
  // SIGKILL; its trainers die with it.
  void kill_now();

  static constexpr int kMaxYoungDeaths = 3;

 private:
  explicit LocalWorker(LocalWorkerOptions options) : options_(std::move(options)) {}
  Status spawn(TimeMs now_ms);
  bool take_lock();
  bool gone();

  LocalWorkerOptions options_;
  int lock_fd_ = -1;  // ours only while no worker lives
  pid_t pid_ = 0;     // 0: none
  bool adopted_ = false;
  TimeMs started_ms_ = 0;
  TimeMs restart_at_ms_ = 0;
  int young_deaths_ = 0;
  std::string last_end_;
};

// plateau-worker beside this program, or where `given` says. kNotFound.
Result<std::filesystem::path> find_worker_program(const std::filesystem::path& given);

// The local socket of a run: the same for every coordinator of it, short enough for a socket, in a
// folder that is the user's alone.
std::string local_address(const std::filesystem::path& run_folder);

}  // namespace plateau::cli
