#include "common/transport/zeromq_endpoint.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>
#include <zmq.hpp>

#include "common/base/check.h"
#include "common/base/file.h"

namespace plateau {
namespace {

constexpr int kLingerMs = 500;     // how long an ending program waits for its last messages
constexpr int kReconnectMs = 100;  // ZeroMQ adds up to as much again at random
constexpr int kHeartbeatMs = 2000;
constexpr int kHeartbeatTimeoutMs = 6000;
constexpr int kBacklog = 1024;
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
// sockaddr_un.sun_path, less the closing zero.
constexpr std::size_t kMaxIpcPathBytes = 107;

void set_limits(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::sndhwm, kMaxQueuedFrames);
  socket.set(zmq::sockopt::rcvhwm, kMaxQueuedFrames);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::backlog, kBacklog);
  // TCP alone takes many minutes to notice a cut line; these make it seconds.
  socket.set(zmq::sockopt::heartbeat_ivl, kHeartbeatMs);
  socket.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeoutMs);
}

// Any local user who reaches the socket could speak to us, so its folder must be ours alone.
Status guard_ipc_folder(const std::string& path, bool create) {
  if (path.empty() || path.front() != '/') {
    return invalid_argument("The address ipc://" + path +
                            " has no absolute path; write ipc:///FOLDER/NAME.");
  }
  if (path.size() > kMaxIpcPathBytes) {
    return invalid_argument("The address ipc://" + path + " is longer than the " +
                            std::to_string(kMaxIpcPathBytes) +
                            " bytes that a local socket's path may have; choose a shorter folder.");
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (create) {
    if (Status made = make_folder(std::filesystem::path(folder).parent_path()); !made) return made;
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return io_error("The folder " + folder + " could not be made: " + std::strerror(errno));
    }
  }
  struct stat info {};
  if (lstat(folder.c_str(), &info) != 0) {
    // A worker may start before its coordinator has made the folder; ZeroMQ tries again.
    if (!create && errno == ENOENT) return {};
    return io_error("The folder " + folder + " cannot be looked at: " + std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 0077) != 0) {
    return invalid_argument("The folder " + folder + " of the local socket is not yours alone; " +
                            "remove it, or run: chmod 700 " + folder);
  }
  return {};
}

// ZeroMQ itself takes 99999999 for a port and listens on another.
Status check_tcp_port(const std::string& address) {
  const std::string port = address.substr(address.rfind(':') + 1);
  if (port == "*") return {};
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  if (digits && std::stoi(port) >= 1 && std::stoi(port) <= 65535) return {};
  return invalid_argument("The address " + address + " has no port between 1 and 65535; write " +
                          "tcp://HOST:PORT.");
}

// Refuses what ZeroMQ would misread, or what others could reach.
Status check_address(const std::string& address, bool create) {
  if (address.starts_with(kTcp)) return check_tcp_port(address);
  if (address.starts_with(kIpc)) return guard_ipc_folder(address.substr(kIpc.size()), create);
  return invalid_argument("The address " + address + " is none: write tcp://HOST:PORT, or " +
                          "ipc:///FOLDER/NAME on one machine.");
}

Error explain_bind(const std::string& address, const zmq::error_t& error) {
  const std::string what = "Cannot listen on " + address + ": " + error.what() + ". ";
  switch (error.num()) {
    case EADDRINUSE:
      return busy("Cannot listen on " + address +
                  ": another process uses this port. Choose another with --bind "
                  "tcp://HOST:PORT (port * takes a free one), or end that process.");
    case EINVAL:
    case ENODEV:
    case EADDRNOTAVAIL:
    case EPROTONOSUPPORT:
      return invalid_argument(what +
                              "Give one of this machine's own addresses: "
                              "--bind tcp://ADDRESS:PORT, or tcp://*:PORT for all of them.");
    default:
      return io_error(what + "Choose another address with --bind tcp://HOST:PORT.");
  }
}

bool would_block(const zmq::error_t& error) {
  return error.num() == EAGAIN || error.num() == EINTR;
}

class Socket {
 public:
  explicit Socket(zmq::socket_type type) : socket_(context_, type) { set_limits(socket_); }

  zmq::socket_t& get() { return socket_; }
  int poll_fd() const { return socket_.get(zmq::sockopt::fd); }

 private:
  // One context and one I/O thread an endpoint: it ends with it. Declared first, destroyed last.
  zmq::context_t context_{1};
  zmq::socket_t socket_;
};

class Router : public Endpoint {
 public:
  Router() : socket_(zmq::socket_type::router) {
    // Tell of an unknown or full peer instead of dropping the message silently.
    socket_.get().set(zmq::sockopt::router_mandatory, true);
  }

  Result<std::string> bind(const std::string& address) {
    try {
      socket_.get().bind(address);
      return socket_.get().get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
      return explain_bind(address, error);
    }
  }

  SendResult send(const PeerName& peer, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    try {
      const auto flags = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
      // The first part decides: once it is taken, the second follows without a limit of its own.
      if (!socket_.get().send(zmq::buffer(peer), flags)) return SendResult::kFull;
      if (!socket_.get().send(zmq::buffer(bytes), zmq::send_flags::dontwait)) {
        return SendResult::kFull;
      }
      return SendResult::kSent;
    } catch (const zmq::error_t& error) {
      return would_block(error) ? SendResult::kFull : SendResult::kNoPeer;
    }
  }

  std::optional<Frame> receive() override {
    try {
      while (true) {
        zmq::message_t peer;
        if (!socket_.get().recv(peer, zmq::recv_flags::dontwait)) return std::nullopt;
        zmq::message_t body;
        bool whole = peer.more();
        if (whole) {
          if (!socket_.get().recv(body, zmq::recv_flags::dontwait)) return std::nullopt;
          whole = !body.more();
          skip_rest(body);
        }
        if (whole) return Frame{peer.to_string(), body.to_string()};
        // Not in two parts: no end of ours wrote it.
      }
    } catch (const zmq::error_t&) {
      return std::nullopt;
    }
  }

  int poll_fd() const override { return socket_.poll_fd(); }

 private:
  void skip_rest(const zmq::message_t& last) {
    bool more = last.more();
    while (more) {
      zmq::message_t part;
      if (!socket_.get().recv(part, zmq::recv_flags::dontwait)) return;
      more = part.more();
    }
  }

  Socket socket_;
};

class Dealer : public Endpoint {
 public:
  Dealer() : socket_(zmq::socket_type::dealer) {
    socket_.get().set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    // Queue only for a connection that stands: what a worker wanted to say while nobody listened
    // is stale, and its protocol says it again.
    socket_.get().set(zmq::sockopt::immediate, true);
  }

  Status connect(const std::string& address) {
    try {
      socket_.get().connect(address);
      return {};
    } catch (const zmq::error_t& error) {
      return invalid_argument("Cannot connect to " + address + ": " + error.what() +
                              ". Give the coordinator's address as --connect tcp://HOST:PORT.");
    }
  }

  SendResult send(const PeerName&, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    try {
      const auto sent = socket_.get().send(zmq::buffer(bytes), zmq::send_flags::dontwait);
      return sent ? SendResult::kSent : SendResult::kFull;
    } catch (const zmq::error_t&) {
      return SendResult::kFull;
    }
  }

  std::optional<Frame> receive() override {
    try {
      zmq::message_t body;
      if (!socket_.get().recv(body, zmq::recv_flags::dontwait)) return std::nullopt;
      return Frame{PeerName(), body.to_string()};
    } catch (const zmq::error_t&) {
      return std::nullopt;
    }
  }

  int poll_fd() const override { return socket_.poll_fd(); }

 private:
  Socket socket_;
};

}  // namespace

Result<BoundEndpoint> bind_coordinator(const std::string& address) {
  if (Status checked = check_address(address, /*create=*/true); !checked) return checked.error();
  auto router = std::make_unique<Router>();
  Result<std::string> bound = router->bind(address);
  if (!bound) return bound.error();
  return BoundEndpoint{std::move(router), *bound};
}

Result<std::unique_ptr<Endpoint>> connect_worker(const std::string& address) {
  if (Status checked = check_address(address, /*create=*/false); !checked) return checked.error();
  auto dealer = std::make_unique<Dealer>();
  if (Status connected = dealer->connect(address); !connected) return connected.error();
  return std::unique_ptr<Endpoint>(std::move(dealer));
}

}  // namespace plateau
