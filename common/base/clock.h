// Time is an argument. Pure code takes a Time; only loops ask a Clock, and only clock.cc asks the
// system.
#pragma once

#include <cstdint>
#include <string>

namespace plateau {

// Milliseconds. Monotonic times count from an arbitrary start of the process's host; wall times
// count from 1970-01-01 UTC.
using TimeMs = std::int64_t;
using DurationMs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs monotonic_ms() const = 0;
  virtual TimeMs wall_ms() const = 0;
};

// The system's clocks. Never blocks; thread-safe.
const Clock& system_clock();

// A clock that stands still until it is moved: for tests.
class FakeClock : public Clock {
 public:
  TimeMs monotonic_ms() const override { return now_ms_; }
  TimeMs wall_ms() const override { return now_ms_ + kWallOffsetMs; }
  void advance(DurationMs by_ms) { now_ms_ += by_ms; }

 private:
  static constexpr TimeMs kWallOffsetMs = 1'700'000'000'000;
  TimeMs now_ms_ = 0;
};

// "2026-01-31T12:00:00Z"
std::string format_utc(TimeMs wall_ms);
// "1 h 02 m", "3 m 05 s", "12 s": for progress lines.
std::string format_duration(DurationMs duration_ms);

}  // namespace plateau
