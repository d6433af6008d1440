#include "common/base/clock.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace plateau {
namespace {

class SystemClock : public Clock {
 public:
  TimeMs monotonic_ms() const override {
    return count(std::chrono::steady_clock::now().time_since_epoch());
  }
  TimeMs wall_ms() const override {
    return count(std::chrono::system_clock::now().time_since_epoch());
  }

 private:
  template <typename D>
  static TimeMs count(D duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string format_utc(TimeMs wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

std::string format_duration(DurationMs duration_ms) {
  const std::int64_t seconds = (duration_ms + 500) / 1000;
  char text[48];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%lld h %02lld m", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60));
  } else if (seconds >= 60) {
    std::snprintf(text, sizeof text, "%lld m %02lld s", static_cast<long long>(seconds / 60),
                  static_cast<long long>(seconds % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld s", static_cast<long long>(seconds));
  }
  return text;
}

}  // namespace plateau
