#include "common/transport/handshake_watch.h"

namespace plateau {

void HandshakeWatch::add(End end, TimeMs now_ms) {
  if (end == End::kTimedOut) return;
  if (end == End::kSucceeded) {
    refusals_ = 0;
    return;
  }
  const bool first = refusals_++ == 0;
  if (first) first_refusal_ms_ = now_ms;
  // A busy coordinator now and then closes before its answer is out: what it said before stands.
  if (first || end != End::kHungUp) last_ = end;
}

std::optional<std::string> HandshakeWatch::verdict(TimeMs now_ms) const {
  if (refusals_ < kMinRefusals || now_ms - first_refusal_ms_ < kPatienceMs) return std::nullopt;
  switch (last_) {
    case End::kNotListed:
      return "the coordinator does not list this worker's key. On its machine `plateau keys list` "
             "shows the keys that it accepts; `plateau keys add NAME` makes a file for a new "
             "worker. Copy that file here and give it with --key";
    case End::kMechanism:
      return have_keys_ ? "the coordinator runs without keys (--insecure), or something else "
                          "answers at its address; this worker has a key and says nothing in clear "
                          "text. Start the coordinator with its keys"
                        : "the coordinator wants a key. Copy worker.key from the folder that "
                          "`plateau keys new` made on its machine, and give it with --key FILE or "
                          "PLATEAU_KEY_FILE";
    case End::kHungUp:
    case End::kSucceeded:
    case End::kTimedOut:
      break;
  }
  if (!have_keys_) {
    return "something answers at the coordinator's address and hangs up. Is it a Plateau "
           "coordinator, and does it run there already? If it has keys, give --key FILE";
  }
  return "the coordinator hangs up on this worker's key file: its own key is another one than the "
         "file says. Copy worker.key anew from the folder of keys that the coordinator runs with, "
         "and look whether --connect names the right coordinator";
}

}  // namespace plateau
