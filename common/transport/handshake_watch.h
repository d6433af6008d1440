// What a worker concludes from its connection's handshakes: a coordinator that has another key
// hangs up without a word (its CURVE cannot read ours, and ZAP is never asked), so only what
// repeats tells.
//
// Pure; time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace plateau {

class HandshakeWatch {
 public:
  // How a handshake ended.
  enum class End {
    kSucceeded,
    kNotListed,  // the coordinator knows our key, or rather does not (ZAP's answer)
    kMechanism,  // one end has keys, the other has none
    kHungUp,     // the coordinator closed in the midst of it, at once
    kTimedOut,   // nothing came: frozen, overloaded, or cut off. Says nothing about keys
  };

  // Nothing else for so long, at least kMinRefusals times, and it is no accident.
  static constexpr DurationMs kPatienceMs = 10'000;
  static constexpr int kMinRefusals = 3;

  explicit HandshakeWatch(bool have_keys) : have_keys_(have_keys) {}

  void add(End end, TimeMs now_ms);

  // Advice for a person, once the patience is over; nullopt as long as there is hope.
  std::optional<std::string> verdict(TimeMs now_ms) const;

 private:
  bool have_keys_;
  int refusals_ = 0;
  TimeMs first_refusal_ms_ = 0;
  End last_ = End::kSucceeded;
};

}  // namespace plateau
