// What a user sees while a sweep runs: a line per device and one for the sweep.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "coordinator/scheduler/scheduler.h"

namespace plateau::cli {

// Remembers when work began, so that it can tell how much time is left. Pure.
class ProgressMeter {
 public:
  using LabelOf = std::function<std::string(TrialId)>;
  explicit ProgressMeter(LabelOf label_of) : label_of_(std::move(label_of)) {}

  // Device lines first, the sweep's line last; none longer than `columns`.
  std::vector<std::string> lines(const Scheduler& scheduler, TimeMs now_ms, int columns);
  // The sweep's line alone.
  std::string sweep_line(const Scheduler& scheduler, TimeMs now_ms);

 private:
  // Trials that ended, with parts of those that run.
  static double work_done(const Scheduler& scheduler);
  std::optional<DurationMs> time_left(const Scheduler& scheduler, TimeMs now_ms);

  LabelOf label_of_;
  std::optional<TimeMs> work_began_ms_;
  double work_before_ = 0.0;
};

// Writes to standard error. On a terminal the lines are redrawn in place, five times a second;
// elsewhere, or with `plain`, the sweep's line is written when it changed, every 10 s at most.
class ProgressPrinter {
 public:
  ProgressPrinter(ProgressMeter meter, bool plain);

  void show(const Scheduler& scheduler, TimeMs now_ms);
  // A message above the progress lines.
  void say(const std::string& message);
  // The last state stays; nothing is redrawn after it.
  void finish(const Scheduler& scheduler, TimeMs now_ms);

 private:
  void erase();
  void draw(const std::vector<std::string>& lines);

  ProgressMeter meter_;
  bool in_place_;
  std::size_t drawn_ = 0;
  std::optional<TimeMs> shown_ms_;
  std::string last_line_;
};

}  // namespace plateau::cli
