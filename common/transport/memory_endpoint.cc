#include "common/transport/memory_endpoint.h"

#include <deque>
#include <map>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/check.h"

namespace plateau {
namespace {

// An eventfd that is readable while its queue holds something.
class Signal {
 public:
  Signal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    PLATEAU_CHECK(fd_ >= 0, "eventfd failed: too many open files?");
  }
  ~Signal() { close(fd_); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  int fd() const { return fd_; }
  void raise() const {
    const std::uint64_t one = 1;
    PLATEAU_CHECK(write(fd_, &one, sizeof one) == sizeof one, "writing to an eventfd failed");
  }
  void clear() const {
    std::uint64_t count = 0;
    // Nothing to read is fine: it was clear already.
    [[maybe_unused]] const auto ignored = read(fd_, &count, sizeof count);
  }

 private:
  int fd_;
};

struct Queue {
  std::deque<Frame> frames;
  Signal signal;

  void push(Frame frame) {
    frames.push_back(std::move(frame));
    signal.raise();
  }
  std::optional<Frame> pop() {
    if (frames.empty()) {
      signal.clear();
      return std::nullopt;
    }
    Frame frame = std::move(frames.front());
    frames.pop_front();
    return frame;
  }
  void lose_all() { frames.clear(); }
};

}  // namespace

struct MemoryNetwork::State {
  struct Worker {
    PeerName name;  // empty while cut off
    Queue to_worker;
    int waiting_at_coordinator = 0;
  };

  Queue to_coordinator;
  std::map<int, std::unique_ptr<Worker>> workers;  // by the order of connecting
  int next_worker = 0;
  int next_name = 0;
  bool is_cut = false;

  PeerName new_name() { return "memory-" + std::to_string(++next_name); }
  Worker* find(const PeerName& name) {
    for (auto& [number, worker] : workers) {
      if (worker->name == name) return worker.get();
    }
    return nullptr;
  }
};

class MemoryNetwork::CoordinatorEnd : public Endpoint {
 public:
  explicit CoordinatorEnd(State& state) : state_(state) {}

  SendResult send(const PeerName& peer, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    State::Worker* worker = peer.empty() ? nullptr : state_.find(peer);
    if (worker == nullptr) return SendResult::kNoPeer;
    if (worker->to_worker.frames.size() >= kMaxQueuedFrames) return SendResult::kFull;
    worker->to_worker.push({PeerName(), std::string(bytes)});
    return SendResult::kSent;
  }

  std::optional<Frame> receive() override {
    std::optional<Frame> frame = state_.to_coordinator.pop();
    if (frame) {
      State::Worker* worker = state_.find(frame->peer);
      if (worker != nullptr) --worker->waiting_at_coordinator;
    }
    return frame;
  }

  int poll_fd() const override { return state_.to_coordinator.signal.fd(); }

 private:
  State& state_;
};

class MemoryNetwork::WorkerEnd : public Endpoint {
 public:
  WorkerEnd(State& state, int number) : state_(state), number_(number) {}
  ~WorkerEnd() override { state_.workers.erase(number_); }

  SendResult send(const PeerName&, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    State::Worker& worker = *state_.workers.at(number_);
    if (worker.name.empty() || worker.waiting_at_coordinator >= kMaxQueuedFrames) {
      return SendResult::kFull;
    }
    ++worker.waiting_at_coordinator;
    state_.to_coordinator.push({worker.name, std::string(bytes)});
    return SendResult::kSent;
  }

  std::optional<Frame> receive() override { return state_.workers.at(number_)->to_worker.pop(); }

  int poll_fd() const override { return state_.workers.at(number_)->to_worker.signal.fd(); }

 private:
  State& state_;
  int number_;
};

MemoryNetwork::MemoryNetwork() : state_(std::make_unique<State>()) {}
MemoryNetwork::~MemoryNetwork() = default;

std::unique_ptr<Endpoint> MemoryNetwork::coordinator() {
  return std::make_unique<CoordinatorEnd>(*state_);
}

std::unique_ptr<Endpoint> MemoryNetwork::connect_worker() {
  const int number = state_->next_worker++;
  auto worker = std::make_unique<State::Worker>();
  if (!state_->is_cut) worker->name = state_->new_name();
  state_->workers.emplace(number, std::move(worker));
  return std::make_unique<WorkerEnd>(*state_, number);
}

void MemoryNetwork::cut() {
  state_->is_cut = true;
  state_->to_coordinator.lose_all();
  for (auto& [number, worker] : state_->workers) {
    worker->to_worker.lose_all();
    worker->waiting_at_coordinator = 0;
    worker->name.clear();
  }
}

void MemoryNetwork::heal() {
  state_->is_cut = false;
  for (auto& [number, worker] : state_->workers) {
    if (worker->name.empty()) worker->name = state_->new_name();
  }
}

}  // namespace plateau
