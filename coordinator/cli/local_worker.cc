#include "coordinator/cli/local_worker.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "coordinator/cli/programs.h"

extern char** environ;

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

constexpr DurationMs kYoungMs = 10'000;
constexpr DurationMs kRestartStepMs = 500;
constexpr int kInheritedLockFd = 3;
constexpr std::size_t kLogTailBytes = 1500;

std::string describe(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

std::string tail_of(const fs::path& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return "";
  return text->size() <= kLogTailBytes ? *text : text->substr(text->size() - kLogTailBytes);
}

// Owns what posix_spawn wants to know.
struct SpawnSetup {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  SpawnSetup() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
};

}  // namespace

Result<LocalWorker> LocalWorker::start_or_adopt(LocalWorkerOptions options, TimeMs now_ms) {
  LocalWorker worker(std::move(options));
  if (!worker.take_lock()) {
    worker.adopted_ = true;
    std::ifstream(worker.options_.run_folder / "worker.lock") >> worker.pid_;
    return worker;
  }
  if (Status spawned = worker.spawn(now_ms); !spawned) return spawned.error();
  return worker;
}

LocalWorker::~LocalWorker() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

LocalWorker::LocalWorker(LocalWorker&& other) noexcept
    : options_(std::move(other.options_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      pid_(std::exchange(other.pid_, 0)),
      adopted_(other.adopted_),
      started_ms_(other.started_ms_),
      restart_at_ms_(other.restart_at_ms_),
      young_deaths_(other.young_deaths_),
      last_end_(std::move(other.last_end_)) {}

LocalWorker& LocalWorker::operator=(LocalWorker&& other) noexcept {
  LocalWorker moved(std::move(other));
  std::swap(options_, moved.options_);
  std::swap(lock_fd_, moved.lock_fd_);
  pid_ = moved.pid_;
  adopted_ = moved.adopted_;
  started_ms_ = moved.started_ms_;
  restart_at_ms_ = moved.restart_at_ms_;
  young_deaths_ = moved.young_deaths_;
  std::swap(last_end_, moved.last_end_);
  return *this;
}

bool LocalWorker::take_lock() {
  const fs::path path = options_.run_folder / "worker.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return false;
  }
  lock_fd_ = fd;
  return true;
}

Status LocalWorker::spawn(TimeMs now_ms) {
  const std::string program = options_.program.string();
  const std::string log = (options_.run_folder / "worker.log").string();
  std::vector<char*> arguments;
  std::vector<std::string> texts = options_.arguments;
  texts.insert(texts.begin(), program);
  for (std::string& text : texts)
    arguments.push_back(text.data());
  arguments.push_back(nullptr);

  SpawnSetup setup;
  posix_spawn_file_actions_addopen(&setup.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&setup.files, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&setup.files, STDOUT_FILENO, STDERR_FILENO);
  // Without close-on-exec: the flock lives as long as any process that inherited it.
  posix_spawn_file_actions_adddup2(&setup.files, lock_fd_, kInheritedLockFd);
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&setup.attributes, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &setup.files, &setup.attributes,
                                arguments.data(), environ);
  if (error != 0) return io_error("Starting " + program + " failed: " + std::strerror(error) + ".");

  const std::string text = std::to_string(pid) + "\n";
  // Only for adoption's messages; the flock is what counts.
  if (::ftruncate(lock_fd_, 0) == 0) {
    static_cast<void>(!::pwrite(lock_fd_, text.data(), text.size(), 0));
  }
  ::close(std::exchange(lock_fd_, -1));
  pid_ = pid;
  adopted_ = false;
  started_ms_ = now_ms;
  restart_at_ms_ = 0;
  return {};
}

bool LocalWorker::gone() {
  if (adopted_) {
    // Not our child: its lock is what tells.
    if (!take_lock()) return false;
    last_end_ = "it was gone";
    return true;
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  last_end_ = describe(status);
  return true;
}

std::optional<std::string> LocalWorker::poll() {
  if (pid_ == 0 || !gone()) return std::nullopt;
  pid_ = 0;
  return last_end_;
}

Status LocalWorker::restart_when_due(TimeMs now_ms) {
  if (pid_ != 0) return {};
  if (restart_at_ms_ == 0) {
    young_deaths_ = !adopted_ && now_ms - started_ms_ < kYoungMs ? young_deaths_ + 1 : 0;
    if (young_deaths_ >= kMaxYoungDeaths) {
      return internal_error("The local worker ended " + std::to_string(young_deaths_) +
                            " times in a row right after its start (" + last_end_ +
                            "). What it said last, in " +
                            (options_.run_folder / "worker.log").string() + ":\n" +
                            tail_of(options_.run_folder / "worker.log"));
    }
    restart_at_ms_ = now_ms + std::max(0, young_deaths_ - 1) * kRestartStepMs;
  }
  if (now_ms < restart_at_ms_) return {};
  // A trainer of the dead worker may hold the lock for a moment longer; never two on one device.
  if (lock_fd_ < 0 && !take_lock()) return {};
  return spawn(now_ms);
}

void LocalWorker::kill_now() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void LocalWorker::stop(DurationMs patience_ms) {
  constexpr DurationMs kStepMs = 20;
  constexpr DurationMs kTermMs = 3000;
  for (DurationMs waited_ms = 0; pid_ != 0; waited_ms += kStepMs) {
    if (poll()) return;
    if (waited_ms == patience_ms / kStepMs * kStepMs) ::kill(pid_, SIGTERM);
    if (waited_ms >= patience_ms + kTermMs) kill_now();
    if (waited_ms >= patience_ms + 2 * kTermMs) return;
    ::usleep(static_cast<useconds_t>(kStepMs) * 1000);
  }
}

Result<fs::path> find_worker_program(const fs::path& given) {
  return find_program("plateau-worker", given, "--worker-program");
}

std::string local_address(const fs::path& run_folder) {
  const std::string hash = sha256_hex(run_folder.string()).substr(0, 16);
  return "ipc:///tmp/plateau-" + std::to_string(geteuid()) + "-" + hash + "/coordinator";
}

}  // namespace plateau::cli
