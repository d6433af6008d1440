// How much of its budgets a run has used, and whether that is all. Pure: time is an argument.
#pragma once

#include <optional>
#include <string>

#include "common/spec/search_spec.h"
#include "coordinator/scheduler/state.h"
#include "coordinator/store/store.h"

namespace plateau::cli {

// Time counts while any device trains or is about to: not while the coordinator waits for workers,
// and not between two runs of the command. A device counts once, however many trials its pack has;
// a CPU counts as a device, so that a budget of GPU hours ends everywhere.
class BudgetMeter {
 public:
  // `before`: what earlier coordinators of this run have used.
  BudgetMeter(const Budgets& budgets, const Spent& before) : budgets_(budgets), spent_(before) {}

  // What was in use since the last call; the first one only sets the clock.
  void advance(const SchedulerState& state, TimeMs now_ms);

  const Spent& spent() const { return spent_; }
  // Which budget is used up, as a sentence without its full stop; nullopt: trials may start.
  std::optional<std::string> used_up() const;

 private:
  Budgets budgets_;
  Spent spent_;
  std::optional<TimeMs> last_ms_;
};

}  // namespace plateau::cli
