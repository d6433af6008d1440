// Lines about refused connections at a bounded rate: a flood of them fills no disk, and none is
// passed over for ever. Pure; time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace plateau {

class RefusalLog {
 public:
  static constexpr int kLinesAMinute = 10;

  // The line to write now, if there is one. The first line of a new minute says how many were left
  // out in the one before.
  std::optional<std::string> add(const std::string& what, TimeMs now_ms);

 private:
  TimeMs minute_began_ms_ = 0;
  int lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace plateau
