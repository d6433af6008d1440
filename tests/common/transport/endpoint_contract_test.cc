// What every pair of endpoints promises, whatever carries the bytes.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "common/transport/memory_endpoint.h"
#include "common/transport/zeromq_endpoint.h"

namespace plateau {
namespace {

class Wiring {
 public:
  virtual ~Wiring() = default;
  virtual Endpoint& coordinator() = 0;
  virtual std::unique_ptr<Endpoint> connect() = 0;
};

class MemoryWiring : public Wiring {
 public:
  Endpoint& coordinator() override { return *coordinator_; }
  std::unique_ptr<Endpoint> connect() override { return network_.connect_worker(); }

 private:
  MemoryNetwork network_;
  std::unique_ptr<Endpoint> coordinator_ = network_.coordinator();
};

class ZeroMqWiring : public Wiring {
 public:
  explicit ZeroMqWiring(const std::string& address) {
    Result<BoundEndpoint> bound = bind_coordinator(address);
    PLATEAU_CHECK(bound.ok(), bound.ok() ? "" : bound.error().message);
    bound_ = std::move(*bound);
  }
  Endpoint& coordinator() override { return *bound_.endpoint; }
  std::unique_ptr<Endpoint> connect() override {
    Result<std::unique_ptr<Endpoint>> worker = connect_worker(bound_.address);
    PLATEAU_CHECK(worker.ok(), worker.ok() ? "" : worker.error().message);
    return std::move(*worker);
  }

 private:
  BoundEndpoint bound_;
};

// With keys: the same promises.
class CurveWiring : public Wiring {
 public:
  CurveWiring() {
    std::string folder = std::filesystem::temp_directory_path() / "plateau-contract-XXXXXX";
    PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
    const std::filesystem::path list = std::filesystem::path(folder) / "workers";
    PLATEAU_CHECK(write_worker_list(list, {{worker_.public_key, "worker"}}).ok(), "no list");
    BindOptions options;
    options.security = CoordinatorSecurity{coordinator_keys_, list};
    Result<BoundEndpoint> bound = bind_coordinator("tcp://127.0.0.1:*", std::move(options));
    PLATEAU_CHECK(bound.ok(), bound.ok() ? "" : bound.error().message);
    bound_ = std::move(*bound);
  }
  Endpoint& coordinator() override { return *bound_.endpoint; }
  std::unique_ptr<Endpoint> connect() override {
    Result<std::unique_ptr<Endpoint>> worker =
        connect_worker(bound_.address, WorkerKeys{worker_, coordinator_keys_.public_key});
    PLATEAU_CHECK(worker.ok(), worker.ok() ? "" : worker.error().message);
    return std::move(*worker);
  }

 private:
  const KeyPair coordinator_keys_ = *draw_key_pair();
  const KeyPair worker_ = *draw_key_pair();
  BoundEndpoint bound_;
};

std::string ipc_address() {
  std::string folder = std::filesystem::temp_directory_path() / "plateau-contract-XXXXXX";
  PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
  return "ipc://" + folder + "/socket";
}

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Wiring>()> make;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

// Waits on the descriptor as a loop would; 10 s is far beyond what any of these needs.
std::optional<Frame> wait_for_frame(Endpoint& endpoint) {
  for (int i = 0; i < 100; ++i) {
    if (std::optional<Frame> frame = endpoint.receive()) return frame;
    pollfd fd{endpoint.poll_fd(), POLLIN, 0};
    poll(&fd, 1, 100);
  }
  return std::nullopt;
}

// A worker's end queues nothing before its connection stands.
bool send_when_connected(Endpoint& worker, const std::string& bytes) {
  for (int i = 0; i < 1000; ++i) {
    if (worker.send({}, bytes) == SendResult::kSent) return true;
    usleep(10'000);
  }
  return false;
}

class EndpointContract : public ::testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Wiring> wiring_ = GetParam().make();
};

TEST_P(EndpointContract, a_message_and_its_answer_arrive_whole) {
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  const std::string binary("a\0b\xff", 4);
  ASSERT_TRUE(send_when_connected(*worker, binary));
  const std::optional<Frame> frame = wait_for_frame(wiring_->coordinator());
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, binary);
  EXPECT_FALSE(frame->peer.empty());
  EXPECT_EQ(wiring_->coordinator().send(frame->peer, "answer"), SendResult::kSent);
  const std::optional<Frame> answer = wait_for_frame(*worker);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->bytes, "answer");
}

TEST_P(EndpointContract, the_largest_frame_passes) {
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  const std::string large(kMaxFrameBytes, 'x');
  ASSERT_TRUE(send_when_connected(*worker, large));
  const std::optional<Frame> frame = wait_for_frame(wiring_->coordinator());
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, large);
}

TEST_P(EndpointContract, messages_keep_their_order) {
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  ASSERT_TRUE(send_when_connected(*worker, "0"));
  for (int i = 1; i < 300; ++i) {
    ASSERT_EQ(worker->send({}, std::to_string(i)), SendResult::kSent);
  }
  for (int i = 0; i < 300; ++i) {
    const std::optional<Frame> frame = wait_for_frame(wiring_->coordinator());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->bytes, std::to_string(i));
  }
}

TEST_P(EndpointContract, workers_are_told_apart) {
  std::unique_ptr<Endpoint> first = wiring_->connect();
  std::unique_ptr<Endpoint> second = wiring_->connect();
  ASSERT_TRUE(send_when_connected(*first, "first"));
  ASSERT_TRUE(send_when_connected(*second, "second"));
  std::map<std::string, PeerName> peers;
  for (int i = 0; i < 2; ++i) {
    const std::optional<Frame> frame = wait_for_frame(wiring_->coordinator());
    ASSERT_TRUE(frame);
    peers[frame->bytes] = frame->peer;
  }
  EXPECT_NE(peers["first"], peers["second"]);
  EXPECT_EQ(wiring_->coordinator().send(peers["second"], "for the second"), SendResult::kSent);
  EXPECT_EQ(wait_for_frame(*second)->bytes, "for the second");
  EXPECT_FALSE(first->receive());
}

TEST_P(EndpointContract, a_peer_that_never_was_and_one_that_left_are_no_peers) {
  EXPECT_EQ(wiring_->coordinator().send("nobody", "x"), SendResult::kNoPeer);
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  ASSERT_TRUE(send_when_connected(*worker, "hello"));
  const std::optional<Frame> frame = wait_for_frame(wiring_->coordinator());
  ASSERT_TRUE(frame);
  worker.reset();
  SendResult last = SendResult::kSent;
  for (int i = 0; i < 500 && last != SendResult::kNoPeer; ++i) {
    last = wiring_->coordinator().send(frame->peer, "x");
    wiring_->coordinator().receive();
    usleep(10'000);
  }
  EXPECT_EQ(last, SendResult::kNoPeer);
}

TEST_P(EndpointContract, queues_are_bounded_and_say_so) {
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  ASSERT_TRUE(send_when_connected(*worker, "0"));
  // Large enough that what the kernel's buffers take is small against the queues.
  const std::string frame(100'000, 'x');
  int sent = 1;
  // Full for a second: the other end's queue is full as well, and not merely slower.
  for (int full = 0; full < 100 && sent < 10 * kMaxQueuedFrames;) {
    if (worker->send({}, frame) == SendResult::kSent) {
      ++sent;
      full = 0;
    } else {
      ++full;
      usleep(10'000);
    }
  }
  EXPECT_LT(sent, 5 * kMaxQueuedFrames);
  EXPECT_EQ(worker->send({}, frame), SendResult::kFull);
  // Nothing of what was taken is lost while the connection stands.
  for (int i = 0; i < sent; ++i)
    ASSERT_TRUE(wait_for_frame(wiring_->coordinator())) << i;
}

TEST_P(EndpointContract, the_descriptor_wakes_a_waiting_loop) {
  std::unique_ptr<Endpoint> worker = wiring_->connect();
  ASSERT_TRUE(send_when_connected(*worker, "hello"));
  ASSERT_TRUE(wait_for_frame(wiring_->coordinator()));
  EXPECT_FALSE(wiring_->coordinator().receive());
  ASSERT_EQ(worker->send({}, "again"), SendResult::kSent);
  pollfd fd{wiring_->coordinator().poll_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 10'000), 1);
}

INSTANTIATE_TEST_SUITE_P(
    All, EndpointContract,
    ::testing::Values(Kind{"memory", [] { return std::make_unique<MemoryWiring>(); }},
                      Kind{"tcp",
                           [] { return std::make_unique<ZeroMqWiring>("tcp://127.0.0.1:*"); }},
                      Kind{"curve", [] { return std::make_unique<CurveWiring>(); }},
                      Kind{"ipc", [] { return std::make_unique<ZeroMqWiring>(ipc_address()); }}),
    [](const auto& test) { return test.param.name; });

TEST(MemoryNetwork, a_cut_loses_what_is_under_way_and_healing_gives_a_new_peer) {
  MemoryNetwork network;
  std::unique_ptr<Endpoint> coordinator = network.coordinator();
  std::unique_ptr<Endpoint> worker = network.connect_worker();
  ASSERT_EQ(worker->send({}, "before"), SendResult::kSent);
  const PeerName old_peer = coordinator->receive()->peer;
  ASSERT_EQ(worker->send({}, "lost"), SendResult::kSent);
  network.cut();
  EXPECT_FALSE(coordinator->receive());
  EXPECT_EQ(worker->send({}, "while cut"), SendResult::kFull);
  EXPECT_EQ(coordinator->send(old_peer, "x"), SendResult::kNoPeer);
  network.heal();
  ASSERT_EQ(worker->send({}, "after"), SendResult::kSent);
  const std::optional<Frame> frame = coordinator->receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, "after");
  EXPECT_NE(frame->peer, old_peer);
}

}  // namespace
}  // namespace plateau
