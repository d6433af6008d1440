#include "common/spec/pipe.h"

#include <gtest/gtest.h>

namespace plateau::pipe {
namespace {

TEST(Pipe, messages_come_out_whole_whatever_the_pieces) {
  const std::string bytes =
      encode({{"type", "stop"}}) + encode({{"type", "progress"}, {"step", 7}});
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Decoder decoder;
    std::vector<nlohmann::json> messages;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(bytes.substr(at, piece));
      while (auto message = decoder.next().value())
        messages.push_back(*message);
    }
    ASSERT_EQ(messages.size(), 2u) << "pieces of " << piece;
    EXPECT_EQ(messages[1]["step"], 7);
  }
}

TEST(Pipe, what_is_no_frame_is_corrupt) {
  Decoder too_long;
  too_long.feed(std::string("\xff\xff\xff\xff", 4));
  EXPECT_EQ(too_long.next().error().kind, ErrorKind::kCorrupt);
  for (const char* body : {"[]", "{}", "{\"type\": 3}", "{\"type\""}) {
    Decoder decoder;
    const std::string text = body;
    decoder.feed(std::string{static_cast<char>(text.size()), 0, 0, 0} + text);
    EXPECT_EQ(decoder.next().error().kind, ErrorKind::kCorrupt) << body;
  }
}

}  // namespace
}  // namespace plateau::pipe
