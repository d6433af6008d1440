// Who gets in: the coordinator's ZAP handler (ZeroMQ RFC 27) and the watch over its port.
//
// A thread of its own answers ZeroMQ's question about each worker's key from the list, reads the
// list again when the file changes (so that a removed key is refused at once, and its messages are
// dropped), and hears of every connection. What has not shown a key yet is bounded in number and in
// time, so that a stranger cannot use up memory or descriptors.
//
// Used from the socket's thread; admits() from any.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <zmq.hpp>

#include "common/base/clock.h"
#include "common/transport/keys.h"
#include "common/transport/refusal_log.h"

namespace plateau {

// Connections that have not shown yet who they are. Each may hold up one frame's memory (1 MiB).
inline constexpr std::size_t kMaxHalfOpen = 64;
inline constexpr DurationMs kHandshakeMs = 5000;

// Called in the gatekeeper's thread.
using RefusalPrint = std::function<void(const std::string& line)>;

class Gatekeeper {
 public:
  // list: read_worker_list()'s, whose errors are passed on; nullopt without keys: then connections
  // are only watched. Before the socket is made; `context` is the socket's and outlives this.
  static Result<std::unique_ptr<Gatekeeper>> make(zmq::context_t& context,
                                                  const std::optional<std::filesystem::path>& list,
                                                  RefusalPrint print);
  // After the socket was closed.
  ~Gatekeeper();
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

  // Once, before the socket is bound: starts the thread.
  void watch(zmq::socket_t& socket);

  // Whether the list has this key now. Always true without keys.
  bool admits(std::string_view public_key) const;

 private:
  Gatekeeper(zmq::context_t& context, std::optional<std::filesystem::path> list,
             RefusalPrint print);
  struct Connection {
    std::string host;
    bool cut = false;  // by us, and counted
  };

  void run();
  void answer_zap();
  void take_events();
  void take_event(std::uint16_t event, std::uint32_t value);
  void on_accepted(int fd, TimeMs now_ms);
  void reload(TimeMs now_ms);
  void refuse(const std::string& what);

  const std::optional<std::filesystem::path> list_;
  RefusalPrint print_;
  mutable std::mutex mutex_;
  WorkerList workers_;  // guarded by mutex_

  // Of the thread.
  std::filesystem::file_time_type list_changed_{};
  TimeMs next_look_ms_ = 0;
  RefusalLog refusals_;
  std::map<int, Connection> connections_;  // by descriptor, as ZeroMQ's events name them
  std::deque<TimeMs> half_open_;           // when each was accepted
  std::optional<std::string> failure_;     // of the connection whose end is told of next

  zmq::socket_t zap_;
  zmq::socket_t monitor_;
  int stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace plateau
