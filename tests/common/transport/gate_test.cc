// Who gets in over the network, and what it costs when strangers knock.
#include <array>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.hpp>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/transport/handshake_watch.h"
#include "common/transport/zeromq_endpoint.h"

namespace plateau {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A coordinator with keys of its own and a list with one worker, and what it logs.
class Gate : public ::testing::Test {
 protected:
  Gate() {
    std::string folder = std::filesystem::temp_directory_path() / "plateau-gate-XXXXXX";
    PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
    list_ = std::filesystem::path(folder) / "workers";
    allow({{listed_.public_key, "listed"}});
    BindOptions options;
    options.security = CoordinatorSecurity{coordinator_, list_};
    options.print = [this](const std::string& line) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lines_.push_back(line);
    };
    Result<BoundEndpoint> bound = bind_coordinator("tcp://127.0.0.1:*", std::move(options));
    PLATEAU_CHECK(bound.ok(), bound.ok() ? "" : bound.error().message);
    bound_ = std::move(*bound);
  }

  void allow(const WorkerList& workers) {
    const Status written = write_worker_list(list_, workers);
    PLATEAU_CHECK(written.ok(), written.ok() ? "" : written.error().message);
  }

  std::unique_ptr<Endpoint> connect(const std::optional<WorkerKeys>& keys) {
    Result<std::unique_ptr<Endpoint>> worker = connect_worker(bound_.address, keys);
    PLATEAU_CHECK(worker.ok(), worker.ok() ? "" : worker.error().message);
    return std::move(*worker);
  }

  // Whether a frame of this worker arrives. A worker that is refused tries again, as its loop does.
  bool gets_through(Endpoint& worker, DurationMs patience_ms) {
    const TimeMs until = system_clock().monotonic_ms() + patience_ms;
    while (system_clock().monotonic_ms() < until) {
      static_cast<void>(worker.send({}, "hello"));
      static_cast<void>(worker.refusal(system_clock().monotonic_ms()));
      pollfd fd{bound_.endpoint->poll_fd(), POLLIN, 0};
      poll(&fd, 1, 20);
      if (bound_.endpoint->receive()) return true;
    }
    return false;
  }

  std::vector<std::string> lines() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

  int raw_connection() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int port = std::stoi(bound_.address.substr(bound_.address.rfind(':') + 1));
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    PLATEAU_CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
                  "connect failed");
    return fd;
  }

  const KeyPair coordinator_ = *draw_key_pair();
  const KeyPair listed_ = *draw_key_pair();
  std::filesystem::path list_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  BoundEndpoint bound_;
};

constexpr DurationMs kPatienceMs = 10'000;
constexpr DurationMs kRefusedMs = 1500;  // many times what a handshake needs

TEST_F(Gate, lets_a_listed_worker_in_and_answers) {
  const auto worker = connect(WorkerKeys{listed_, coordinator_.public_key});
  EXPECT_TRUE(gets_through(*worker, kPatienceMs));
}

// Tried: with a gatekeeper that answers 200 to every key, and Router::is_admitted() true, this
// worker gets in. Either of the two alone keeps it out.
TEST_F(Gate, refuses_a_key_that_is_not_listed_and_logs_whose) {
  const KeyPair stranger = *draw_key_pair();
  const auto worker = connect(WorkerKeys{stranger, coordinator_.public_key});
  EXPECT_FALSE(gets_through(*worker, kRefusedMs));
  EXPECT_THAT(lines(), Contains(HasSubstr(stranger.public_key)));
  EXPECT_THAT(lines(), Contains(HasSubstr("127.0.0.1")));
}

TEST_F(Gate, refuses_a_worker_without_a_key) {
  const auto worker = connect(std::nullopt);
  EXPECT_FALSE(gets_through(*worker, kRefusedMs));
  EXPECT_THAT(lines(), Contains(HasSubstr("it has no key")));
}

TEST_F(Gate, a_worker_with_another_coordinators_key_is_told_so_after_ten_seconds) {
  const auto worker = connect(WorkerKeys{listed_, draw_key_pair()->public_key});
  const TimeMs began = system_clock().monotonic_ms();
  std::optional<std::string> verdict;
  while (!verdict && system_clock().monotonic_ms() - began < 20'000) {
    EXPECT_FALSE(gets_through(*worker, 100));
    verdict = worker->refusal(system_clock().monotonic_ms());
  }
  EXPECT_THAT(verdict.value_or("none"), HasSubstr("Copy worker.key anew"));
  EXPECT_GE(system_clock().monotonic_ms() - began, HandshakeWatch::kPatienceMs);
  EXPECT_THAT(lines(), Contains(HasSubstr("another coordinator's key")));
}

TEST_F(Gate, a_key_that_is_added_gets_in_without_a_new_start) {
  const KeyPair late = *draw_key_pair();
  const auto worker = connect(WorkerKeys{late, coordinator_.public_key});
  EXPECT_FALSE(gets_through(*worker, kRefusedMs));
  allow({{listed_.public_key, "listed"}, {late.public_key, "late"}});
  EXPECT_TRUE(gets_through(*worker, kPatienceMs));
}

// On the connection that it has as on a new one.
TEST_F(Gate, a_key_that_is_removed_is_heard_no_more) {
  const auto worker = connect(WorkerKeys{listed_, coordinator_.public_key});
  ASSERT_TRUE(gets_through(*worker, kPatienceMs));
  allow({{draw_key_pair()->public_key, "another"}});
  const TimeMs until = system_clock().monotonic_ms() + kPatienceMs;
  while (gets_through(*worker, 300) && system_clock().monotonic_ms() < until) {
  }
  EXPECT_FALSE(gets_through(*worker, kRefusedMs));
  const auto anew = connect(WorkerKeys{listed_, coordinator_.public_key});
  EXPECT_FALSE(gets_through(*anew, kRefusedMs));
}

// Tried: without Router::cut_off() the connection stands, and the coordinator goes on sending to
// it.
TEST_F(Gate, a_key_that_is_removed_loses_its_connection_at_once) {
  const auto worker = connect(WorkerKeys{listed_, coordinator_.public_key});
  std::optional<Frame> frame;
  const TimeMs began = system_clock().monotonic_ms();
  while (!frame && system_clock().monotonic_ms() - began < kPatienceMs) {
    static_cast<void>(worker->send({}, "hello"));
    usleep(10'000);
    frame = bound_.endpoint->receive();
  }
  ASSERT_TRUE(frame);
  ASSERT_EQ(bound_.endpoint->send(frame->peer, "welcome"), SendResult::kSent);
  allow({{draw_key_pair()->public_key, "another"}});
  const TimeMs removed = system_clock().monotonic_ms();
  bool gone = false;
  while (!gone && system_clock().monotonic_ms() - removed < kPatienceMs) {
    static_cast<void>(gets_through(*worker, 50));  // it speaks, as heartbeats do
    gone = bound_.endpoint->send(frame->peer, "work") == SendResult::kNoPeer;
  }
  EXPECT_LT(system_clock().monotonic_ms() - removed, 3000);
  EXPECT_THAT(bound_.endpoint->take_cut_off(), ElementsAre(frame->peer));
  EXPECT_THAT(bound_.endpoint->take_cut_off(), IsEmpty());
  EXPECT_FALSE(gets_through(*worker, kRefusedMs));
  EXPECT_THAT(lines(), Contains(HasSubstr(listed_.public_key)));  // refused when it came again
}

TEST_F(Gate, a_list_that_cannot_be_read_leaves_the_old_one_in_force) {
  allow({});

  ASSERT_EQ(unlink(list_.c_str()), 0);
  const TimeMs until = system_clock().monotonic_ms() + kPatienceMs;
  while (lines().empty() && system_clock().monotonic_ms() < until)
    usleep(20'000);
  EXPECT_THAT(lines(), Contains(HasSubstr("stays in force")));
}

// Tried: without on_accepted()'s cut all 200 stay open until the handshake's time is over.
TEST_F(Gate, half_open_connections_are_bounded_in_number_and_time) {
  std::vector<int> strangers;
  for (int i = 0; i < 200; ++i)
    strangers.push_back(raw_connection());
  const auto open_ones = [&] {
    std::size_t count = 0;
    for (const int fd : strangers) {
      std::array<char, 256> bytes{};
      ssize_t got = 0;
      while ((got = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
      }
      count += got < 0 && errno == EAGAIN ? 1 : 0;
    }
    return count;
  };
  const TimeMs began = system_clock().monotonic_ms();
  while (open_ones() > kMaxHalfOpen && system_clock().monotonic_ms() - began < kHandshakeMs / 2)
    usleep(20'000);
  EXPECT_LE(open_ones(), kMaxHalfOpen);
  while (open_ones() > 0 && system_clock().monotonic_ms() - began < 4 * kHandshakeMs)
    usleep(50'000);
  EXPECT_EQ(open_ones(), 0U);
  const auto worker = connect(WorkerKeys{listed_, coordinator_.public_key});
  EXPECT_TRUE(gets_through(*worker, kPatienceMs));
  EXPECT_LE(lines().size(), 11U);
  for (const int fd : strangers)
    close(fd);
}

// The limit is on the message, not on what encryption adds: the largest passes (the contract test
// says so too, and found it when the limit was without the addition), one byte more does not.
TEST_F(Gate, an_oversized_frame_of_a_listed_peer_costs_it_the_connection) {
  zmq::context_t context{1};
  zmq::socket_t peer(context, zmq::socket_type::dealer);
  peer.set(zmq::sockopt::linger, 0);
  peer.set(zmq::sockopt::curve_publickey, listed_.public_key);
  peer.set(zmq::sockopt::curve_secretkey, listed_.secret_key);
  peer.set(zmq::sockopt::curve_serverkey, coordinator_.public_key);
  peer.connect(bound_.address);
  for (const std::size_t size : {kMaxFrameBytes, kMaxFrameBytes + 1}) {
    peer.send(zmq::buffer(std::string(size, 'x')), zmq::send_flags::none);
    std::optional<Frame> frame;
    const TimeMs until =
        system_clock().monotonic_ms() + (size > kMaxFrameBytes ? 1000 : kPatienceMs);
    while (!frame && system_clock().monotonic_ms() < until) {
      frame = bound_.endpoint->receive();
      usleep(5'000);
    }
    EXPECT_EQ(frame.has_value(), size == kMaxFrameBytes) << size;
  }
  const auto worker = connect(WorkerKeys{listed_, coordinator_.public_key});
  EXPECT_TRUE(gets_through(*worker, kPatienceMs));
}

// A hundred honest workers at once are more than may be half open; the ones that were cut come
// again.
TEST_F(Gate, many_workers_that_start_together_all_get_in) {
  std::vector<std::unique_ptr<Endpoint>> workers;
  for (int i = 0; i < 100; ++i)
    workers.push_back(connect(WorkerKeys{listed_, coordinator_.public_key}));
  std::vector<bool> in(workers.size(), false);
  std::set<PeerName> peers;
  const TimeMs until = system_clock().monotonic_ms() + 3 * kPatienceMs;
  while (peers.size() < workers.size() && system_clock().monotonic_ms() < until) {
    for (std::size_t i = 0; i < workers.size(); ++i) {
      static_cast<void>(workers[i]->refusal(system_clock().monotonic_ms()));
      if (!in[i]) in[i] = workers[i]->send({}, "hello") == SendResult::kSent;
    }
    while (const std::optional<Frame> frame = bound_.endpoint->receive())
      peers.insert(frame->peer);
    usleep(10'000);
  }
  EXPECT_EQ(peers.size(), workers.size());
}

}  // namespace
}  // namespace plateau
