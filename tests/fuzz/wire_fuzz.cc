// What comes off the network: each end's decoder, and back. Whatever is accepted obeys the limits,
// so it can be encoded again and means the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/wire/codec.h"

namespace {

template <typename Message>
void round_trip(const plateau::Result<Message>& decoded,
                plateau::Result<Message> (*decode)(std::string_view)) {
  if (!decoded) {
    PLATEAU_CHECK(!decoded.error().message.empty(), "an error without words");
    return;
  }
  const plateau::Result<std::string> bytes = plateau::wire::encode(*decoded);
  PLATEAU_CHECK(bytes.ok(), "an accepted message cannot be said again");
  const plateau::Result<Message> again = decode(*bytes);
  PLATEAU_CHECK(again.ok(), "what we say ourselves is refused");
  PLATEAU_CHECK(plateau::wire::encode(*again).value() == *bytes, "a message changes on its way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  using namespace plateau::wire;
  round_trip(decode_from_worker(bytes), &decode_from_worker);
  round_trip(decode_from_coordinator(bytes), &decode_from_coordinator);
  return 0;
}
