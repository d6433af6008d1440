#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

TEST(FormatUtc, knownInstants) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(951'782'400'999), "2000-02-29T00:00:00Z");
}

TEST(FormatDuration, unitsByLength) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(12'499), "12 s");
  EXPECT_EQ(format_duration(59'600), "1 m 00 s");
  EXPECT_EQ(format_duration(185'000), "3 m 05 s");
  EXPECT_EQ(format_duration(3'720'000), "1 h 02 m");
}

TEST(FakeClock, standsStillUntilMoved) {
  FakeClock clock;
  const TimeMs wall_before = clock.wall_ms();
  EXPECT_EQ(clock.monotonic_ms(), clock.monotonic_ms());
  clock.advance(250);
  EXPECT_EQ(clock.monotonic_ms(), 250);
  EXPECT_EQ(clock.wall_ms() - wall_before, 250);
}

TEST(SystemClock, monotonicNeverGoesBackAndWallIsThisCentury) {
  const TimeMs first = system_clock().monotonic_ms();
  EXPECT_LE(first, system_clock().monotonic_ms());
  EXPECT_GT(system_clock().wall_ms(), 1'700'000'000'000);
}

}  // namespace
}  // namespace plateau
