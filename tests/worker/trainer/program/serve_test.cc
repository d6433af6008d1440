// The real program on a real pipe.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/spec/pipe.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;

class Served {
 public:
  explicit Served(const std::string& program) {
    int to[2], from[2];
    EXPECT_EQ(::pipe2(to, O_CLOEXEC) + ::pipe2(from, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::execl(program.c_str(), program.c_str(), "serve", "--device", "cpu", nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
  }
  ~Served() {
    hang_up();
    ::close(out_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  void send(const Json& message) {
    const std::string frame = pipe::encode(message);
    EXPECT_EQ(::write(in_, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  }

  // The next message; null after 60 s of silence or at the end.
  Json receive() {
    while (true) {
      auto message = decoder_.next();
      if (!message || message->has_value()) return message ? **message : Json();
      pollfd ready{out_, POLLIN, 0};
      char buffer[4096];
      const bool silent = ::poll(&ready, 1, 60'000) <= 0;
      const ssize_t size = silent ? 0 : ::read(out_, buffer, sizeof buffer);
      if (size <= 0) return Json();
      decoder_.feed({buffer, static_cast<std::size_t>(size)});
    }
  }

  void hang_up() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }

  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  pipe::Decoder decoder_;
};

std::string program() {
  const char* folder = std::getenv("PLATEAU_BIN_DIR");
  return std::string(folder != nullptr ? folder : "bin") + "/plateau-trainer";
}

TEST(Serve, says_hello_refuses_a_bad_trial_and_stops) {
  ASSERT_TRUE(std::filesystem::exists(program())) << program();
  Served trainer(program());
  const Json hello = trainer.receive();
  ASSERT_EQ(hello.value("type", ""), "hello");
  EXPECT_EQ(hello["protocol"], pipe::kProtocol);
  EXPECT_EQ(hello["device"], "cpu");
  trainer.send({{"type", "assign"},
                {"trial_id", 4},
                {"attempt", 2},
                {"trial", {{"format", "something else"}}},
                {"folder", "/tmp"},
                {"resume", nullptr}});
  const Json failed = trainer.receive();
  ASSERT_EQ(failed.value("type", ""), "failed");
  EXPECT_EQ(failed["trial_id"], 4);
  EXPECT_EQ(failed["attempt"], 2);
  EXPECT_EQ(failed["kind"], "bad_configuration");
  trainer.send({{"type", "stop"}});
  EXPECT_EQ(trainer.wait(), 0);
}

TEST(Serve, ends_when_its_input_ends) {
  Served trainer(program());
  ASSERT_EQ(trainer.receive().value("type", ""), "hello");
  trainer.hang_up();
  EXPECT_EQ(trainer.wait(), 0);
}

TEST(Serve, ends_with_code_4_on_what_is_no_frame) {
  Served trainer(program());
  ASSERT_EQ(trainer.receive().value("type", ""), "hello");
  trainer.send(Json::array({1}));
  EXPECT_EQ(trainer.wait(), 4);
}

}  // namespace
}  // namespace plateau::trainer
