// Simulated time: what happens when, in an order that depends on nothing but the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "common/base/clock.h"

namespace plateau::simulation {

class Timeline {
 public:
  TimeMs now() const { return now_; }
  // At the same time, first come is first served.
  void at(TimeMs when, std::function<void()> what) {
    events_.emplace(std::pair(when < now_ ? now_ : when, ++count_), std::move(what));
  }
  void after(DurationMs delay_ms, std::function<void()> what) {
    at(now_ + delay_ms, std::move(what));
  }
  // False when nothing is left.
  bool step() {
    if (events_.empty()) return false;
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    next.mapped()();
    return true;
  }

 private:
  TimeMs now_ = 0;
  std::uint64_t count_ = 0;
  std::map<std::pair<TimeMs, std::uint64_t>, std::function<void()>> events_;
};

}  // namespace plateau::simulation
