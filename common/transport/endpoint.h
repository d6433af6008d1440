// How bytes travel: whole messages between one coordinator and its workers.
//
// A message arrives whole or not at all, and messages of one connection keep their order; a lost or
// remade connection loses some without a word. Acknowledgement and repetition belong to the
// protocol above (common/wire/PROTOCOL.md).
//
// Nothing here blocks. An endpoint is used by one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"

namespace plateau {

// Longer messages are not sent; a peer that sends one is cut off.
inline constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 20;
// Messages that wait in one direction of one connection.
inline constexpr int kMaxQueuedFrames = 1000;

// A connection as the coordinator sees it; changes when a worker connects anew. The worker's end
// has one peer, the coordinator, whose name is empty.
using PeerName = std::string;

struct Frame {
  PeerName peer;
  std::string bytes;
};

enum class SendResult {
  kSent,    // queued; it may still be lost with the connection
  kFull,    // the queue is full, or the worker's end has no connection now: try later
  kNoPeer,  // the coordinator's end knows no such connection (any more)
};

class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // bytes: at most kMaxFrameBytes.
  virtual SendResult send(const PeerName& peer, std::string_view bytes) = 0;

  // The next message, if there is one.
  virtual std::optional<Frame> receive() = 0;

  // Readable when something may have happened; for poll() or Asio alone, never to be read or
  // closed. It tells of changes, not of states: after it became readable, and after every send(),
  // receive() until there is nothing, before waiting again.
  virtual int poll_fd() const = 0;

  // Of the coordinator's end: the connections that were ended since the last call because their key
  // was taken off the list. Nothing of theirs is received any more.
  virtual std::vector<PeerName> take_cut_off() { return {}; }

  // Of a worker's end, asked about once a second: why the coordinator will not have us, with
  // advice, once 10 s of nothing but refused handshakes made it certain. nullopt as long as there
  // is hope, and for connections that know no refusal.
  virtual std::optional<std::string> refusal(TimeMs /*now_ms*/) { return std::nullopt; }
};

}  // namespace plateau
