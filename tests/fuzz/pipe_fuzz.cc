// What a trainer with a smashed heap writes into its pipe, and what it is told: frames in two
// pieces, cut where the first byte says, into events; the trial of an assignment into a trial.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/spec/pipe.h"
#include "common/spec/trial.h"
#include "worker/runner/trial_frames.h"

namespace {

using plateau::Result;
using Json = nlohmann::json;

void use(const Json& frame) {
  static_cast<void>(plateau::runner::check_hello(frame));
  const Result<plateau::runner::TrialEvent> event = plateau::runner::event_from_frame(frame);
  PLATEAU_CHECK(event.ok() || !event.error().message.empty(), "an error without words");
  const auto trial = frame.find("trial");
  if (trial == frame.end()) return;
  const Result<plateau::Trial> assigned = plateau::trial_from_json(*trial);
  PLATEAU_CHECK(assigned.ok() || !assigned.error().message.empty(), "an error without words");
  if (!assigned) return;
  const Result<plateau::Trial> again = plateau::trial_from_json(plateau::to_json(*assigned));
  PLATEAU_CHECK(again.ok(), "a trial that was read cannot be read again");
  PLATEAU_CHECK(plateau::trial_key(*again) == plateau::trial_key(*assigned),
                "a trial's key changes when it is written and read");
}

// Hands out what is whole; false when the stream cannot be read on.
bool drain(plateau::pipe::Decoder& decoder) {
  while (true) {
    const Result<std::optional<Json>> frame = decoder.next();
    if (!frame) {
      PLATEAU_CHECK(!frame.error().message.empty(), "an error without words");
      return false;
    }
    if (!frame->has_value()) return true;
    use(**frame);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string stream(data + 1, data + size);
  const std::size_t cut = std::min<std::size_t>(data[0], stream.size());
  plateau::pipe::Decoder decoder;
  decoder.feed(std::string_view(stream).substr(0, cut));
  if (!drain(decoder)) return 0;
  decoder.feed(std::string_view(stream).substr(cut));
  static_cast<void>(drain(decoder));
  return 0;
}
