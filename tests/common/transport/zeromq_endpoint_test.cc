// What only sockets have: addresses, permissions, and peers that are no workers of ours.
#include "common/transport/zeromq_endpoint.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.hpp>

namespace plateau {
namespace {

using ::testing::HasSubstr;

std::filesystem::path temporary_folder() {
  std::string folder = std::filesystem::temp_directory_path() / "plateau-zeromq-XXXXXX";
  PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
  return folder;
}

std::optional<Frame> wait_for_frame(Endpoint& endpoint, int tries = 100) {
  for (int i = 0; i < tries; ++i) {
    if (std::optional<Frame> frame = endpoint.receive()) return frame;
    pollfd fd{endpoint.poll_fd(), POLLIN, 0};
    poll(&fd, 1, 100);
  }
  return std::nullopt;
}

bool send_when_connected(Endpoint& worker, const std::string& bytes) {
  for (int i = 0; i < 1000; ++i) {
    if (worker.send({}, bytes) == SendResult::kSent) return true;
    usleep(10'000);
  }
  return false;
}

TEST(BindCoordinator, a_port_in_use_is_busy_and_says_which_option) {
  const Result<BoundEndpoint> first = bind_coordinator("tcp://127.0.0.1:*");
  ASSERT_TRUE(first) << first.error().message;
  const Result<BoundEndpoint> second = bind_coordinator(first->address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kBusy);
  EXPECT_THAT(second.error().message, HasSubstr("--bind"));
  EXPECT_THAT(second.error().message, HasSubstr(first->address));
}

TEST(BindCoordinator, an_address_that_cannot_be_is_explained) {
  for (const char* address : {"nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:99999999",
                              "tcp://192.0.2.1:5555", "http://127.0.0.1:80"}) {
    const Result<BoundEndpoint> bound = bind_coordinator(address);
    ASSERT_FALSE(bound) << address;
    EXPECT_EQ(bound.error().kind, ErrorKind::kInvalidArgument) << bound.error().message;
    EXPECT_THAT(bound.error().message, HasSubstr(address));
  }
}

TEST(BindCoordinator, the_folder_of_a_local_socket_is_made_for_its_owner_alone) {
  const std::filesystem::path folder = temporary_folder() / "inner";
  const Result<BoundEndpoint> bound = bind_coordinator("ipc://" + (folder / "socket").string());
  ASSERT_TRUE(bound) << bound.error().message;
  struct stat info {};
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(BindCoordinator, a_folder_that_others_may_enter_is_refused_by_both_ends) {
  const std::filesystem::path folder = temporary_folder() / "open";
  ASSERT_EQ(mkdir(folder.c_str(), 0755), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
  const std::string address = "ipc://" + (folder / "socket").string();
  const Result<BoundEndpoint> bound = bind_coordinator(address);
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().message, HasSubstr("chmod 700"));
  EXPECT_FALSE(connect_worker(address));
}

TEST(BindCoordinator, a_local_path_that_is_too_long_is_refused) {
  const Result<BoundEndpoint> bound = bind_coordinator("ipc:///tmp/" + std::string(120, 'x'));
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().message, HasSubstr("107"));
}

TEST(ZeroMqEndpoint, a_worker_connects_again_when_the_coordinator_comes_back) {
  const std::string address = "ipc://" + (temporary_folder() / "c" / "socket").string();
  Result<BoundEndpoint> bound = bind_coordinator(address);
  ASSERT_TRUE(bound) << bound.error().message;
  Result<std::unique_ptr<Endpoint>> worker = connect_worker(address);
  ASSERT_TRUE(worker);
  ASSERT_TRUE(send_when_connected(**worker, "first life"));
  ASSERT_TRUE(wait_for_frame(*bound->endpoint));
  bound->endpoint.reset();
  Result<BoundEndpoint> again = bind_coordinator(address);
  ASSERT_TRUE(again) << again.error().message;
  // What was sent while nobody listened is lost or refused; the worker says it again.
  std::optional<Frame> frame;
  for (int i = 0; i < 100 && !frame; ++i) {
    (*worker)->send({}, "second life");
    frame = wait_for_frame(*again->endpoint, 1);
  }
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, "second life");
}

// A peer with a raw socket: not one of ours, so the coordinator may rely on nothing.
class Stranger {
 public:
  explicit Stranger(const std::string& address) : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect(address);
  }
  void send(const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto flags = i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
      socket_.send(zmq::buffer(parts[i]), flags);
    }
  }

 private:
  zmq::context_t context_{1};
  zmq::socket_t socket_;
};

TEST(ZeroMqEndpoint, frames_in_the_wrong_number_of_parts_are_dropped) {
  Result<BoundEndpoint> bound = bind_coordinator("tcp://127.0.0.1:*");
  ASSERT_TRUE(bound) << bound.error().message;
  Stranger stranger(bound->address);
  stranger.send({"one", "two", "three"});
  stranger.send({"", "two"});
  stranger.send({"good"});
  const std::optional<Frame> frame = wait_for_frame(*bound->endpoint);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, "good");
}

TEST(ZeroMqEndpoint, a_peer_with_an_oversized_frame_is_cut_off_and_others_go_on) {
  Result<BoundEndpoint> bound = bind_coordinator("tcp://127.0.0.1:*");
  ASSERT_TRUE(bound) << bound.error().message;
  Stranger stranger(bound->address);
  stranger.send({std::string(kMaxFrameBytes + 1, 'x')});
  Result<std::unique_ptr<Endpoint>> worker = connect_worker(bound->address);
  ASSERT_TRUE(worker);
  ASSERT_TRUE(send_when_connected(**worker, "good"));
  const std::optional<Frame> frame = wait_for_frame(*bound->endpoint);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->bytes, "good");
  EXPECT_FALSE(wait_for_frame(*bound->endpoint, /*tries=*/10)) << "the giant came later";
}

}  // namespace
}  // namespace plateau
