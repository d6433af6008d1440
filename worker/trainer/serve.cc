#include "worker/trainer/serve.h"

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include <sys/prctl.h>
#include <torch/version.h>
#include <unistd.h>

#include "common/spec/pipe.h"
#include "worker/trainer/failure.h"
#include "worker/trainer/outcome.h"
#include "worker/trainer/train.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;

// Messages from the reading thread to the training one.
class Inbox {
 public:
  void push(Json message) {
    {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    }
    arrived_.notify_one();
  }

  // The next message. Waits for one if `wait`; nullopt only without waiting.
  std::optional<Json> take(bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) arrived_.wait(lock, [&] { return !messages_.empty(); });
    if (messages_.empty()) return std::nullopt;
    std::optional message(std::move(messages_.front()));
    messages_.pop_front();
    return message;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Json> messages_;  // Bounded by what the runner assigns: a pack's worth.
};

// Runs in a thread of its own, so that training never waits for input and the end of input is
// noticed even in the middle of a step. Never returns.
[[noreturn]] void read_frames(Inbox& inbox) {
  pipe::Decoder decoder;
  std::string buffer(std::size_t{1} << 16, '\0');
  while (true) {
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    // No destructors: other threads are in the middle of their work. Files are written atomically.
    if (size <= 0) std::_Exit(0);
    decoder.feed({buffer.data(), static_cast<std::size_t>(size)});
    while (true) {
      auto message = decoder.next();
      if (!message) {
        std::cerr << "plateau-trainer: " << message.error().message << std::endl;
        std::_Exit(4);
      }
      if (!message->has_value()) break;
      inbox.push(std::move(**message));
    }
  }
}

// Keeps the frames' descriptor to itself: whatever a library prints goes to standard error.
int take_standard_output() {
  const int frames = ::dup(STDOUT_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return frames;
}

void write_frame(int descriptor, const Json& message) {
  const std::string frame = pipe::encode(message);
  for (std::size_t sent = 0; sent < frame.size();) {
    const ssize_t size = ::write(descriptor, frame.data() + sent, frame.size() - sent);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) std::_Exit(0);  // The agent is gone.
    sent += static_cast<std::size_t>(size);
  }
}

Result<Assignment> read_assignment(const Json& message) {
  Assignment assignment;
  assignment.trial_id = message.value("trial_id", std::int64_t{0});
  assignment.attempt = message.value("attempt", std::int64_t{0});
  assignment.alone = message.value("alone", false);
  assignment.folder = message.value("folder", std::string());
  const auto resume = message.find("resume");
  if (resume != message.end() && resume->is_string())
    assignment.resume = resume->get<std::string>();
  auto trial = trial_from_json(message.value("trial", Json()));
  if (!trial) return trial.error();
  assignment.trial = *trial;
  return assignment;
}

void assign(Trainer& trainer, const Json& message, const Sink& sink) {
  auto assignment = read_assignment(message);
  if (assignment) {
    trainer.assign(std::move(*assignment));
    return;
  }
  const Failure failure = failure_of(assignment.error());
  sink({{"type", "failed"},
        {"trial_id", message.value("trial_id", 0)},
        {"attempt", message.value("attempt", 0)},
        {"kind", failure.kind},
        {"message", failure.message}});
}

}  // namespace

int serve(const std::string& device, const std::string& version) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  const int frames = take_standard_output();
  const Sink sink = [frames](const Json& message) { write_frame(frames, message); };
  Trainer trainer({system_clock(), sink, device, name_of_device(device), version});
  sink({{"type", "hello"},
        {"protocol", pipe::kProtocol},
        {"version", version},
        {"device", device},
        {"device_name", name_of_device(device)},
        {"torch", TORCH_VERSION}});

  Inbox inbox;
  std::thread(read_frames, std::ref(inbox)).detach();
  while (true) {
    while (const auto message = inbox.take(/*wait=*/!trainer.has_work())) {
      const std::string type = message->at("type");
      if (type == "assign") {
        assign(trainer, *message, sink);
      } else if (type == "cancel") {
        trainer.cancel(message->value("trial_id", std::int64_t{0}),
                       message->value("attempt", std::int64_t{0}));
      } else if (type == "checkpoint") {
        trainer.checkpoint_all();
      } else if (type == "stop") {
        trainer.hand_back_all();
        // The reading thread still holds the inbox: end without unwinding.
        std::cerr.flush();
        std::_Exit(0);
      }  // Others are of a newer runner that also understands being ignored.
    }
    trainer.step();
  }
}

}  // namespace plateau::trainer
