#include "common/base/check.h"
#include "coordinator/scheduler/scheduler.h"

namespace plateau {
namespace {

std::string where(const SchedulerState& state, const SlotPlace& place) {
  const auto worker = state.workers.find(place.session);
  return "on worker " + (worker == state.workers.end() ? "?" : worker->second.name) + ", slot " +
         std::to_string(place.slot.value);
}

std::string waits_for(const SchedulerState& state, const TrialEntry& entry, TimeMs now_ms) {
  if (state.stopping) return "waits: the run is being stopped (" + state.stopping->reason + ")";
  bool any_in_touch = false;
  bool any_usable = false;
  std::string set_aside;
  for (const auto& [session, worker] : state.workers) {
    if (!worker.introduced) continue;
    any_in_touch = true;
    const auto node = state.nodes.find(worker.name);
    if (node != state.nodes.end() && node->second.set_aside) {
      set_aside += (set_aside.empty() ? "" : "; ") + worker.name + ": " + *node->second.set_aside;
    } else if (worker.draining_until_ms <= now_ms) {
      any_usable = true;
    }
  }
  if (!any_in_touch) return "waits for a worker: none is in touch";
  if (!any_usable && !set_aside.empty()) return "waits: set aside are " + set_aside;
  if (!any_usable) return "waits for a worker: those in touch are about to end";

  std::int64_t before = 0;
  for (const auto& [id, other] : state.trials) {
    if (std::holds_alternative<phase::Queued>(other.phase) &&
        queue_key_of(other) < queue_key_of(entry)) {
      ++before;
    }
  }
  std::string text = must_be_alone(entry) ? "waits for an empty slot, since it must run alone"
                                          : "waits for a free place";
  text += "; " + std::to_string(before) + " queued trials come before it";
  if (!set_aside.empty()) text += "; set aside are " + set_aside;
  return text;
}

std::string sentence(const SchedulerState& state, const TrialEntry& entry, TimeMs now_ms) {
  const auto ago = [now_ms](TimeMs since_ms) { return format_duration(now_ms - since_ms); };
  if (const auto* assigned = std::get_if<phase::Assigned>(&entry.phase)) {
    return "was sent " + ago(assigned->since_ms) + " ago and has not begun, " +
           where(state, {assigned->session, assigned->slot});
  }
  if (const auto* running = std::get_if<phase::Running>(&entry.phase)) {
    return "runs for " + ago(running->since_ms) + " " +
           where(state, {running->session, running->slot}) + ", step " +
           std::to_string(running->step) + " of " + std::to_string(running->steps_total);
  }
  if (std::holds_alternative<phase::Finished>(entry.phase)) return "finished";
  if (std::holds_alternative<phase::Diverged>(entry.phase)) {
    return "diverged: " + entry.attempts.back().message;
  }
  if (const auto* failed = std::get_if<phase::Failed>(&entry.phase)) {
    return "failed: " + failed->reason;
  }
  if (const auto* stopped = std::get_if<phase::Stopped>(&entry.phase)) {
    return "stopped: " + stopped->reason;
  }
  return waits_for(state, entry, now_ms);
}

}  // namespace

TrialStory Scheduler::why(TrialId trial, TimeMs now_ms) const {
  const TrialEntry* entry = find(trial);
  PLATEAU_CHECK(entry != nullptr, "why() is asked of a trial that exists");
  return {trial, status_of(entry->phase), sentence(state_, *entry, now_ms), entry->retry,
          entry->attempts};
}

}  // namespace plateau
