// One child process with pipes: start, read, write, notice its end, kill. POSIX and Linux only.
//
// Owned by one thread, which must live as long as the child should: the kernel kills the child with
// SIGKILL when the thread that started it ends, so no trainer outlives its agent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"

namespace plateau::runner {

// A file descriptor, closed by the destructor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct Command {
  std::string program;                   // a path
  std::vector<std::string> arguments;    // without the program
  std::vector<std::string> environment;  // "NAME=value", on top of ours
  std::string log_path;                  // standard error goes to its end; made if needed
};

// How a process ended.
struct ExitStatus {
  int code = 0;    // of exit; only if signal is 0
  int signal = 0;  // that killed it, or 0
  bool killed_by_us = false;
};

// "was killed by signal 9 (SIGKILL), perhaps by the kernel's out-of-memory killer", "ended with
// exit code 3": continues "the trainer ...".
std::string describe(const ExitStatus& status);

class Process {
 public:
  // kNotFound: no such program; kIo: the system said no. In a process group of its own, with the
  // default signal handling but for SIGTERM, SIGINT, SIGHUP and SIGUSR1, which are ignored; with
  // the three descriptors, and those that our own parent passed on to us (a lock that lives as long
  // as any of us).
  static Result<std::unique_ptr<Process>> start(const Command& command);
  // Kills the group and waits for the child's end.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int output_fd() const { return output_.get(); }  // -1 after its end of file
  int input_fd() const { return input_.get(); }    // -1 when the child closed it
  // Readable when the child ended; -1 on kernels before 5.3, where poll_exit() must be asked.
  int exit_fd() const { return pidfd_.get(); }

  // Writes now what the pipe takes and keeps the rest for write_more(). Never blocks. The program
  // must ignore SIGPIPE: a child that died is noticed by its exit, not by a signal to us.
  void write(std::string_view bytes);
  void write_more();
  bool wants_to_write() const { return input_.valid() && !unwritten_.empty(); }

  // What has arrived; empty when nothing has. Never blocks.
  std::string read_some();

  // Set from the first call after the child's end. Never blocks.
  std::optional<ExitStatus> poll_exit();

  // SIGKILL to the group.
  void kill();
  // End of file on the child's standard input.
  void close_input() { input_.reset(); }

 private:
  Process() = default;
  pid_t pid_ = -1;
  Fd input_;
  Fd output_;
  Fd pidfd_;
  std::string unwritten_;
  bool killed_ = false;
  std::optional<ExitStatus> exit_;
};

}  // namespace plateau::runner
