#include "common/catalogue/run_python.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace plateau {
namespace {

// Reads until the end of the pipe; a line ends with \n or \r.
void read_lines(int fd, const std::function<void(const std::string&)>& on_line,
                std::string& last_line) {
  std::array<char, 4096> bytes{};
  std::string line;
  const auto flush = [&] {
    if (line.empty()) return;
    last_line = line;
    if (on_line) on_line(line);
    line.clear();
  };
  while (true) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    for (ssize_t i = 0; i < count; ++i) {
      const char c = bytes[static_cast<std::size_t>(i)];
      if (c == '\n' || c == '\r') {
        flush();
      } else {
        line += c;
      }
    }
  }
  flush();
}

int spawn_python(const char* script, const std::vector<std::string>& arguments, int output,
                 pid_t& child) {
  std::vector<std::string> words = {"python3", "-c", script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  const int error = posix_spawnp(&child, "python3", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

Result<PythonResult> run_python(const char* script, const std::vector<std::string>& arguments,
                                const std::function<void(const std::string&)>& on_line) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error(std::string("no pipe to python3: ") + std::strerror(errno));
  }
  pid_t child = 0;
  const int error = spawn_python(script, arguments, ends[1], child);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return io_error(std::string("python3 could not be started (") + std::strerror(error) +
                    "); it downloads bases and tasks. Install the package python3 and repeat the "
                    "command");
  }
  PythonResult result;
  read_lines(ends[0], on_line, result.last_line);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace plateau
