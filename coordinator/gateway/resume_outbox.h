// Checkpoints on their way out to workers that resume from them, a few pieces at a time, so that
// other messages are not held up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/transport/endpoint.h"
#include "common/wire/codec.h"
#include "coordinator/scheduler/events.h"

namespace plateau {

class ResumeOutbox {
 public:
  // `send` says what became of a message.
  using Send = std::function<SendResult(SessionId, const wire::FromCoordinator&)>;

  // From its first byte; one that goes on already starts over.
  void begin(SessionId session, const AttemptRef& attempt, std::filesystem::path path,
             std::uint64_t size_bytes);

  // Sends at most `pieces_max` of each. A transfer ends when all was sent, when its worker is gone
  // or when its file cannot be read: the worker then starts afresh after a while of silence.
  void pump(const Send& send, int pieces_max = 8);

 private:
  struct Transfer {
    SessionId session;
    AttemptRef attempt;
    std::filesystem::path path;
    std::uint64_t size_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };
  static bool pump_one(Transfer& transfer, const Send& send, int pieces_max);

  std::vector<Transfer> transfers_;
};

}  // namespace plateau
