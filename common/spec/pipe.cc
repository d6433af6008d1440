#include "common/spec/pipe.h"

#include <cstring>

namespace plateau::pipe {
namespace {

// Results are handed on as text, and writing JSON is recursive: brackets that never end would
// overflow the stack.
bool is_too_deep(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string encode(const nlohmann::json& message) {
  const std::string body = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  PLATEAU_CHECK(body.size() <= kMaxFrameBytes, "pipe frame too large");
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8)
    frame += static_cast<char>(size >> shift & 0xff);
  return frame + body;
}

void Decoder::feed(std::string_view bytes) {
  buffer_ += bytes;
}

Result<std::optional<nlohmann::json>> Decoder::next() {
  if (buffer_.size() < 4) return std::optional<nlohmann::json>{};
  std::uint32_t size = 0;
  for (unsigned i = 0; i < 4; ++i) {
    size |= std::uint32_t{static_cast<unsigned char>(buffer_[i])} << (8 * i);
  }
  if (size > kMaxFrameBytes) {
    return corrupt("a frame of " + std::to_string(size) +
                   " bytes was announced on the pipe; at "
                   "most " +
                   std::to_string(kMaxFrameBytes) + " are allowed");
  }
  if (buffer_.size() < 4 + std::size_t{size}) return std::optional<nlohmann::json>{};
  if (is_too_deep(std::string_view(buffer_).substr(4, size))) {
    return corrupt("a frame on the pipe is nested deeper than " + std::to_string(kMaxDepth));
  }
  nlohmann::json message =
      nlohmann::json::parse(buffer_.begin() + 4, buffer_.begin() + 4 + size, nullptr, false);
  buffer_.erase(0, 4 + std::size_t{size});
  if (!message.is_object() || !message.contains("type") || !message["type"].is_string()) {
    return corrupt("a frame on the pipe is no JSON object with a \"type\"");
  }
  return std::optional<nlohmann::json>(std::move(message));
}

}  // namespace plateau::pipe
