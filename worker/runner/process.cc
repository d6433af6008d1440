#include "worker/runner/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace plateau::runner {
namespace {

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) {
    return io_error(std::string("making a pipe to the trainer failed: ") + std::strerror(errno) +
                    ". Raise the limit of open files (ulimit -n) if that is the cause.");
  }
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

// Everything that the child needs between fork and exec, made before the fork: the child may call
// only what is safe in a signal handler, since other threads' locks are copied as they are.
struct ChildPlan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int input = -1;
  int output = -1;
  int log = -1;
  int error = -1;  // errno is written here when exec fails
  pid_t parent = -1;
};

[[noreturn]] void report_and_exit(const ChildPlan& plan) {
  const int error = errno;
  (void)!::write(plan.error, &error, sizeof error);
  ::_exit(127);
}

// Moved above the standard ones first, so that no dup2 overwrites a descriptor still needed.
[[noreturn]] void run_child(const ChildPlan& plan) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) report_and_exit(plan);
  // The parent may have died before the line above; then nobody would ever kill us.
  if (::getppid() != plan.parent) ::_exit(127);
  ::setpgid(0, 0);
  struct sigaction disposition {};
  disposition.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &disposition, nullptr);
  // A batch system signals every process of a job. The agent decides what becomes of the child;
  // a trainer that fell to such a signal would look like a crash, and lose what it had not written.
  disposition.sa_handler = SIG_IGN;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
    ::sigaction(signal, &disposition, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input = ::fcntl(plan.input, F_DUPFD_CLOEXEC, 10);
  const int output = ::fcntl(plan.output, F_DUPFD_CLOEXEC, 10);
  const int log = ::fcntl(plan.log, F_DUPFD_CLOEXEC, 10);
  if (::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(log, 2) < 0) report_and_exit(plan);
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  report_and_exit(plan);
}

std::string name_of(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}

// Ours, with those of the command in place of the ones of the same name.
std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  std::vector<std::string> merged = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = name_of(*entry);
    bool replaced = false;
    for (const std::string& assignment : added)
      replaced = replaced || name_of(assignment) == name;
    if (!replaced) merged.emplace_back(*entry);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void make_nonblocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Error cannot_start(const std::string& program, int error) {
  std::string message = "starting " + program + " failed: " + std::strerror(error);
  if (error == ENOENT) message += ". Build it, or name it with --trainer PATH";
  return {error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, message + "."};
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::string describe(const ExitStatus& status) {
  if (status.signal == 0) return "ended with exit code " + std::to_string(status.code);
  std::string text = "was killed by signal " + std::to_string(status.signal);
  if (const char* name = ::sigabbrev_np(status.signal)) text += std::string(" (SIG") + name + ")";
  if (status.signal == SIGKILL && !status.killed_by_us) {
    text += ", perhaps by the kernel's out-of-memory killer (dmesg tells)";
  }
  return text;
}

Result<std::unique_ptr<Process>> Process::start(const Command& command) {
  Result<Pipe> to_child = make_pipe(), from_child = make_pipe(), failure = make_pipe();
  for (const Result<Pipe>* pipe : {&to_child, &from_child, &failure}) {
    if (!pipe->ok()) return pipe->error();
  }
  const int log_fd =
      ::open(command.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) {
    return io_error("opening the trainer's log " + command.log_path +
                    " failed: " + std::strerror(errno) + ".");
  }
  const Fd log(log_fd);

  std::vector<std::string> arguments{command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = merged_environment(command.environment);
  const ChildPlan plan{pointers(arguments),
                       pointers(environment),
                       to_child->read_end.get(),
                       from_child->write_end.get(),
                       log.get(),
                       failure->write_end.get(),
                       ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return cannot_start(command.program, errno);
  if (pid == 0) run_child(plan);

  // Also from here, since the child may not have come so far when we first signal its group.
  ::setpgid(pid, pid);
  failure->write_end.reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure->read_end.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error)) {
    ::waitpid(pid, nullptr, 0);
    return cannot_start(command.program, error);
  }
  std::unique_ptr<Process> process(new Process);
  process->pid_ = pid;
  process->input_ = std::move(to_child->write_end);
  process->output_ = std::move(from_child->read_end);
  process->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  make_nonblocking(process->input_.get());
  make_nonblocking(process->output_.get());
  return process;
}

Process::~Process() {
  kill();
  if (!exit_) ::waitpid(pid_, nullptr, 0);
}

void Process::write(std::string_view bytes) {
  if (!input_.valid()) return;
  unwritten_ += bytes;
  write_more();
}

void Process::write_more() {
  while (wants_to_write()) {
    const ssize_t written = ::write(input_.get(), unwritten_.data(), unwritten_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) {
      // It closed its input or died; its exit tells the story.
      input_.reset();
      unwritten_.clear();
      return;
    }
    unwritten_.erase(0, static_cast<std::size_t>(written));
  }
}

std::string Process::read_some() {
  std::string bytes;
  char buffer[65536];
  // A limit a call, so that one chatty trainer does not keep the loop from the others.
  while (output_.valid() && bytes.size() < (1u << 20)) {
    const ssize_t got = ::read(output_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    if (got == 0) {
      output_.reset();
      break;
    }
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
  return bytes;
}

std::optional<ExitStatus> Process::poll_exit() {
  if (exit_) return exit_;
  siginfo_t info{};
  const int asked = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (asked != 0 || info.si_pid != pid_) return std::nullopt;
  // What it started and left behind must not keep the device. Before it is reaped, so that the
  // group's number cannot belong to somebody else yet.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ExitStatus ended;
  ended.killed_by_us = killed_;
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  exit_ = ended;
  return exit_;
}

void Process::kill() {
  if (exit_) return;
  killed_ = true;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

}  // namespace plateau::runner
