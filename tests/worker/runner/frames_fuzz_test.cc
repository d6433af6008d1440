// Seeded mutations of good frames, through the pipe's decoder into events: whatever a trainer with
// a smashed heap writes, it becomes events that are whole, or an error with words; never a crash.
//
// Tried: without the depth limit of pipe::Decoder::next() the nested result overflows the stack.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/spec/pipe.h"
#include "worker/runner/trial_frames.h"

namespace plateau::runner {
namespace {

using Json = nlohmann::json;

std::vector<Json> good_frames() {
  std::vector<Json> frames;
  for (const char* text :
       {R"({"type":"hello","protocol":1,"version":"0.1.0","device":"cpu","torch":"2.11.0"})",
        R"({"type":"started","trial_id":3,"attempt":2,"step":0,"steps_total":9})",
        R"({"type":"progress","trial_id":3,"attempt":2,"step":7,"steps_total":9,"loss":0.5,
            "tokens_per_s":12.5})",
        R"({"type":"metric","trial_id":3,"attempt":2,"step":7,"split":"train","name":"loss",
            "value":0.5})",
        R"({"type":"checkpoint","trial_id":3,"attempt":2,"step":7,"path":"/x","size_bytes":4,
            "sha256":"ab"})",
        R"({"type":"finished","trial_id":3,"attempt":2,"result":{"metrics":[]},"artifacts":
            [{"name":"metrics.jsonl","path":"/x","size_bytes":4,"sha256":"ab"}]})",
        R"({"type":"failed","trial_id":3,"attempt":2,"kind":"out_of_memory","message":"no room"})",
        R"({"type":"handed_back","trial_id":3,"attempt":2})"}) {
    frames.push_back(Json::parse(text));
  }
  return frames;
}

// A whole frame with a true length around bytes that need not be JSON.
std::string framed(const std::string& body) {
  std::string frame;
  for (unsigned i = 0; i < 4; ++i)
    frame += static_cast<char>(body.size() >> (8 * i) & 0xff);
  return frame + body;
}

std::string mutated(std::string bytes, Random& random) {
  static const std::vector<std::string> kTokens{
      "{",  "}",    "[",     "]",       "\"",   ",",  ":",       "-1", "18446744073709551616",
      "{}", "null", "1e999", "\\ud800", "\xff", "[]", "\"type\""};
  for (std::uint64_t edits = 1 + random.below(3); edits > 0 && !bytes.empty(); --edits) {
    const auto at = static_cast<std::size_t>(random.below(bytes.size()));
    switch (random.below(4)) {
      case 0:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        bytes.erase(at, static_cast<std::size_t>(random.below(8)));
        break;
      case 2:
        bytes.replace(at, static_cast<std::size_t>(random.below(6)),
                      kTokens[static_cast<std::size_t>(random.below(kTokens.size()))]);
        break;
      default:
        bytes.insert(at, bytes.substr(at, static_cast<std::size_t>(random.below(30))));
    }
  }
  return bytes;
}

struct Seen {
  int events = 0;
  int refused = 0;
};

// Reads until the stream ends or is given up, as TrainerSlot does.
void read_all(const std::string& stream, Seen& seen) {
  pipe::Decoder decoder;
  decoder.feed(stream);
  while (true) {
    const Result<std::optional<Json>> frame = decoder.next();
    if (!frame) {
      EXPECT_FALSE(frame.error().message.empty());
      ++seen.refused;
      return;
    }
    if (!frame->has_value()) return;
    static_cast<void>(check_hello(**frame));
    const Result<TrialEvent> event = event_from_frame(**frame);
    if (event) {
      ++seen.events;
    } else {
      EXPECT_FALSE(event.error().message.empty());
      ++seen.refused;
    }
  }
}

TEST(FramesFuzz, mutated_bodies_become_events_or_errors) {
  Random random(7);
  Seen seen;
  for (const Json& frame : good_frames()) {
    for (int i = 0; i < 4000; ++i)
      read_all(framed(mutated(frame.dump(), random)), seen);
  }
  // Both must happen often, or the mutations test nothing.
  EXPECT_GT(seen.events, 1000);
  EXPECT_GT(seen.refused, 1000);
}

TEST(FramesFuzz, mutated_streams_of_frames_end_in_an_error_or_wait_for_more) {
  Random random(8);
  Seen seen;
  std::string stream;
  for (const Json& frame : good_frames())
    stream += pipe::encode(frame);
  for (int i = 0; i < 4000; ++i)
    read_all(mutated(stream, random), seen);
  EXPECT_GT(seen.events, 1000);
  EXPECT_GT(seen.refused, 1000);
}

TEST(FramesFuzz, a_result_that_is_nested_without_end_is_refused) {
  constexpr std::size_t kDeep = 1'000'000;
  const std::string result = std::string(kDeep, '[') + std::string(kDeep, ']');
  Seen seen;
  read_all(framed(R"({"type":"finished","trial_id":3,"attempt":2,"artifacts":[],"result":{"a":)" +
                  result + "}}"),
           seen);
  EXPECT_EQ(seen.events, 0);
  EXPECT_EQ(seen.refused, 1);
  // Brackets inside of text are no nesting.
  read_all(framed(R"({"type":"failed","trial_id":3,"attempt":2,"kind":"crashed","message":"\")" +
                  std::string(kDeep, '[') + "\"}"),
           seen);
  EXPECT_EQ(seen.events, 1);
}

}  // namespace
}  // namespace plateau::runner
