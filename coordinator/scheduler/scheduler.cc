#include "coordinator/scheduler/scheduler.h"

#include <utility>

#include "common/base/check.h"
#include "coordinator/scheduler/invariants.h"
#include "coordinator/scheduler/step.h"

namespace plateau {

Scheduler::Scheduler(SchedulerOptions options) : options_(options), now_ms_(kNever) {
  PLATEAU_CHECK(options.lease_ms > 0, "a lease must be longer than nothing");
}

std::vector<Action> Scheduler::apply(const Event& event, TimeMs now_ms) {
  PLATEAU_CHECK(now_ms >= now_ms_, "time runs backwards");
  now_ms_ = now_ms;
  Step step(options_, state_, counts_, now_ms);
  std::visit(step, event);
  step.settle();
#ifndef NDEBUG
  // It looks at every trial: for debug builds, and for tests, which call it themselves.
  const std::optional<std::string> broken = broken_invariant(*this);
  PLATEAU_CHECK(!broken, broken.value_or(""));
#endif
  return step.take();
}

const TrialEntry* Scheduler::find(TrialId trial) const {
  const auto found = state_.trials.find(trial);
  return found == state_.trials.end() ? nullptr : &found->second;
}

}  // namespace plateau
