#include "common/transport/refusal_log.h"

namespace plateau {

std::optional<std::string> RefusalLog::add(const std::string& what, TimeMs now_ms) {
  constexpr DurationMs kMinuteMs = 60'000;
  if (lines_ == 0 || now_ms - minute_began_ms_ >= kMinuteMs) {
    minute_began_ms_ = now_ms;
    lines_ = 0;
  }
  if (lines_ >= kLinesAMinute) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  std::string line = what;
  if (left_out_ > 0) {
    line += " (" + std::to_string(left_out_) + " more like it since the last line)";
    left_out_ = 0;
  }
  return line;
}

}  // namespace plateau
