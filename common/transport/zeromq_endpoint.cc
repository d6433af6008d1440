#include "common/transport/zeromq_endpoint.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.hpp>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/transport/handshake_watch.h"

namespace plateau {
namespace {

constexpr int kLingerMs = 500;     // how long an ending program waits for its last messages
constexpr int kReconnectMs = 100;  // ZeroMQ adds up to as much again at random
constexpr int kHeartbeatMs = 2000;
constexpr int kHeartbeatTimeoutMs = 6000;
constexpr int kBacklog = 1024;
constexpr DurationMs kTryAgainMs = 1000;  // after a refusal
// What CURVE adds to a frame: the command's name 8, nonce 8, authenticator 16, flags 1 (RFC 26).
constexpr std::size_t kCurveBytes = 33;
constexpr const char* kZapDomain = "plateau";
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
// sockaddr_un.sun_path, less the closing zero.
constexpr std::size_t kMaxIpcPathBytes = 107;

void set_limits(zmq::socket_t& socket, bool encrypted) {
  socket.set(zmq::sockopt::sndhwm, kMaxQueuedFrames);
  socket.set(zmq::sockopt::rcvhwm, kMaxQueuedFrames);
  // ZeroMQ counts what travels.
  const std::size_t most = kMaxFrameBytes + (encrypted ? kCurveBytes : 0);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(most));
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::backlog, kBacklog);
  socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(kHandshakeMs));
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

class Router : public Endpoint {
 public:
  static Result<std::unique_ptr<Router>> make(BindOptions options) {
    std::unique_ptr<Router> router(new Router);
    std::optional<std::filesystem::path> list;
    if (options.security) list = options.security->worker_list;
    auto gate = Gatekeeper::make(router->context_, list, std::move(options.print));
    if (!gate) return gate.error();
    router->gate_ = std::move(*gate);
    router->open(options.security);
    return router;
  }

  Result<std::string> bind(const std::string& address) {
    try {
      socket_.bind(address);
      return socket_.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
      return explain_bind(address, error);
    }
  }

  SendResult send(const PeerName& peer, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    try {
      const auto flags = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
      // The first part decides: once it is taken, the second follows without a limit of its own.
      if (!socket_.send(zmq::buffer(peer), flags)) return SendResult::kFull;
      if (!socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait)) {
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
        if (!socket_.recv(peer, zmq::recv_flags::dontwait)) return std::nullopt;
        zmq::message_t body;
        bool whole = peer.more();
        if (whole) {
          if (!socket_.recv(body, zmq::recv_flags::dontwait)) return std::nullopt;
          whole = !body.more();
          skip_rest(body);
        }
        // Not in two parts: no end of ours wrote it.
        if (!whole) continue;
        if (is_admitted(body)) return Frame{peer.to_string(), body.to_string()};
        cut_off(peer.to_string(), body);
      }
    } catch (const zmq::error_t&) {
      return std::nullopt;
    }
  }

  int poll_fd() const override { return socket_.get(zmq::sockopt::fd); }

  std::vector<PeerName> take_cut_off() override { return std::exchange(newly_cut_off_, {}); }

 private:
  Router() = default;

  void open(const std::optional<CoordinatorSecurity>& security) {
    socket_ = zmq::socket_t(context_, zmq::socket_type::router);
    set_limits(socket_, security.has_value());
    // Tell of an unknown or full peer instead of dropping the message silently.
    socket_.set(zmq::sockopt::router_mandatory, true);
    if (security) {
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_publickey, security->keys.public_key);
      socket_.set(zmq::sockopt::curve_secretkey, security->keys.secret_key);
      socket_.set(zmq::sockopt::zap_domain, kZapDomain);
    }
    gate_->watch(socket_);
  }

  // A key that was taken off the list is heard no more, on connections of before neither. A frame
  // without a key cannot be: the gate answers for every connection.
  bool is_admitted(const zmq::message_t& body) const {
    const char* key = zmq_msg_gets(body.handle(), "User-Id");
    return gate_->admits(key == nullptr ? "" : key);
  }

  // Ends the connection of a key that was taken off the list: nothing more is sent to it, and it
  // meets ZAP when it comes again. Once for each connection, since what it had sent before is still
  // to be read when its descriptor is already another's.
  void cut_off(const PeerName& peer, zmq::message_t& body) {
    if (!cut_off_.insert(peer).second) return;
    newly_cut_off_.push_back(peer);
    const int fd = zmq_msg_get(body.handle(), ZMQ_SRCFD);
    // ZeroMQ owns the descriptor and closes it when it reads the end.
    if (fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }

  void skip_rest(const zmq::message_t& last) {
    bool more = last.more();
    while (more) {
      zmq::message_t part;
      if (!socket_.recv(part, zmq::recv_flags::dontwait)) return;
      more = part.more();
    }
  }

  // Destroyed from the last to the first: the gate hears of the socket's end, and the context waits
  // for both.
  zmq::context_t context_{1};
  std::unique_ptr<Gatekeeper> gate_;
  zmq::socket_t socket_;
  std::vector<PeerName> newly_cut_off_;
  std::set<PeerName> cut_off_;  // at most the connections that stood when their key was removed
};

// How a worker's handshakes go, as its socket monitor tells.
class HandshakeMonitor {
 public:
  HandshakeMonitor(zmq::context_t& context, zmq::socket_t& socket, bool have_keys)
      : watch_(have_keys), events_(context, zmq::socket_type::pair) {
    constexpr const char* kAddress = "inproc://plateau.worker.events";
    constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                            ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    events_.set(zmq::sockopt::linger, 0);
    // Read once a second at least, and connections come 100 ms apart: it stays short.
    events_.set(zmq::sockopt::rcvhwm, 0);
    PLATEAU_CHECK(zmq_socket_monitor(socket.handle(), kAddress, kEvents) == 0,
                  "ZeroMQ refused to be watched");
    events_.connect(kAddress);
  }

  // True: a handshake failed in a way after which ZeroMQ does not connect again by itself.
  bool take(TimeMs now_ms) {
    bool dead = false;
    zmq::message_t facts;
    while (events_.recv(facts, zmq::recv_flags::dontwait)) {
      zmq::message_t address;
      if (facts.more()) static_cast<void>(events_.recv(address));
      std::uint16_t event = 0;
      std::uint32_t value = 0;
      if (facts.size() < sizeof event + sizeof value) continue;
      std::memcpy(&event, facts.data(), sizeof event);
      std::memcpy(&value, facts.data<char>() + sizeof event, sizeof value);
      dead = take_one(event, value, now_ms) || dead;
    }
    return dead;
  }

  const HandshakeWatch& watch() const { return watch_; }

 private:
  bool take_one(std::uint16_t event, std::uint32_t value, TimeMs now_ms) {
    using End = HandshakeWatch::End;
    switch (event) {
      case ZMQ_EVENT_CONNECTED:
        connected_ms_ = now_ms;
        return false;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        watch_.add(End::kSucceeded, now_ms);
        return false;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        watch_.add(End::kNotListed, now_ms);
        return true;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        watch_.add(
            value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? End::kMechanism : End::kHungUp,
            now_ms);
        return true;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        // Our own patience ends a handshake that nobody answers; before that it was the other end.
        watch_.add(now_ms - connected_ms_ < kHandshakeMs / 2 ? End::kHungUp : End::kTimedOut,
                   now_ms);
        return false;
      default:
        return false;
    }
  }

  HandshakeWatch watch_;
  zmq::socket_t events_;
  TimeMs connected_ms_ = 0;
};

class Dealer : public Endpoint {
 public:
  explicit Dealer(const std::optional<WorkerKeys>& keys)
      : socket_(context_, zmq::socket_type::dealer), monitor_(context_, socket_, keys.has_value()) {
    set_limits(socket_, keys.has_value());
    socket_.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    // Queue only for a connection that stands: what a worker wanted to say while nobody listened
    // is stale, and its protocol says it again.
    socket_.set(zmq::sockopt::immediate, true);
    if (keys) {
      socket_.set(zmq::sockopt::curve_publickey, keys->own.public_key);
      socket_.set(zmq::sockopt::curve_secretkey, keys->own.secret_key);
      socket_.set(zmq::sockopt::curve_serverkey, keys->coordinator);
    }
  }

  Status connect(const std::string& address) {
    try {
      socket_.connect(address);
      address_ = address;
      return {};
    } catch (const zmq::error_t& error) {
      return invalid_argument("Cannot connect to " + address + ": " + error.what() +
                              ". Give the coordinator's address as --connect tcp://HOST:PORT.");
    }
  }

  std::optional<std::string> refusal(TimeMs now_ms) override {
    dead_ = monitor_.take(now_ms) || dead_;
    // ZeroMQ gives an address up after a refusal; the list of keys may change any time.
    if (dead_ && now_ms - last_try_ms_ >= kTryAgainMs) {
      dead_ = false;
      last_try_ms_ = now_ms;
      connect_again();
    }
    return monitor_.watch().verdict(now_ms);
  }

  SendResult send(const PeerName&, std::string_view bytes) override {
    PLATEAU_CHECK(bytes.size() <= kMaxFrameBytes, "a frame is longer than kMaxFrameBytes");
    try {
      const auto sent = socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
      return sent ? SendResult::kSent : SendResult::kFull;
    } catch (const zmq::error_t&) {
      return SendResult::kFull;
    }
  }

  std::optional<Frame> receive() override {
    try {
      zmq::message_t body;
      if (!socket_.recv(body, zmq::recv_flags::dontwait)) return std::nullopt;
      return Frame{PeerName(), body.to_string()};
    } catch (const zmq::error_t&) {
      return std::nullopt;
    }
  }

  int poll_fd() const override { return socket_.get(zmq::sockopt::fd); }

 private:
  void connect_again() {
    try {
      socket_.disconnect(address_);
    } catch (const zmq::error_t&) {
      // It was given up entirely, as expected.
    }
    static_cast<void>(connect(address_));  // It was a good address before.
  }

  zmq::context_t context_{1};
  zmq::socket_t socket_;
  HandshakeMonitor monitor_;
  std::string address_;
  bool dead_ = false;
  TimeMs last_try_ms_ = 0;
};

}  // namespace

Result<BoundEndpoint> bind_coordinator(const std::string& address, BindOptions options) {
  if (Status checked = check_address(address, /*create=*/true); !checked) return checked.error();
  if (options.security) {
    if (Status there = curve_is_there(); !there) return there.error();
  }
  Result<std::unique_ptr<Router>> router = Router::make(std::move(options));
  if (!router) return router.error();
  Result<std::string> bound = (*router)->bind(address);
  if (!bound) return bound.error();
  return BoundEndpoint{std::move(*router), *bound};
}

Result<std::unique_ptr<Endpoint>> connect_worker(const std::string& address,
                                                 const std::optional<WorkerKeys>& keys) {
  if (Status checked = check_address(address, /*create=*/false); !checked) return checked.error();
  if (keys) {
    if (Status there = curve_is_there(); !there) return there.error();
  }
  auto dealer = std::make_unique<Dealer>(keys);
  if (Status connected = dealer->connect(address); !connected) return connected.error();
  return std::unique_ptr<Endpoint>(std::move(dealer));
}

}  // namespace plateau
