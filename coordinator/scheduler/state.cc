#include "coordinator/scheduler/state.h"

#include "common/base/check.h"

namespace plateau {

AttemptRef current_attempt(const TrialEntry& entry) {
  PLATEAU_CHECK(!entry.attempts.empty(), "a trial without attempts has no current one");
  return {entry.facts.id, entry.attempts.back().attempt};
}

TrialStatus status_of(const TrialPhase& phase) {
  // The order of the variant is the order of the enumeration.
  static_assert(std::variant_size_v<TrialPhase> == 7);
  static_assert(
      std::is_same_v<
          std::variant_alternative_t<static_cast<std::size_t>(TrialStatus::kStopped), TrialPhase>,
          phase::Stopped>);
  static_assert(
      std::is_same_v<
          std::variant_alternative_t<static_cast<std::size_t>(TrialStatus::kFinished), TrialPhase>,
          phase::Finished>);
  return static_cast<TrialStatus>(phase.index());
}

bool has_ended(const TrialPhase& phase) {
  return status_of(phase) >= TrialStatus::kFinished;
}

std::optional<SlotPlace> place_of(const TrialPhase& phase) {
  if (const auto* assigned = std::get_if<phase::Assigned>(&phase)) {
    return SlotPlace{assigned->session, assigned->slot};
  }
  if (const auto* running = std::get_if<phase::Running>(&phase)) {
    return SlotPlace{running->session, running->slot};
  }
  return std::nullopt;
}

std::int64_t assignment_serial(const TrialPhase& phase) {
  if (const auto* assigned = std::get_if<phase::Assigned>(&phase)) return assigned->serial;
  if (const auto* running = std::get_if<phase::Running>(&phase)) return running->serial;
  return 0;
}

BucketKey bucket_of(const TrialEntry& entry) {
  return {entry.facts.group, must_be_alone(entry), entry.retry.pack_cap, entry.retry.avoid_node};
}

QueueKey queue_key_of(const TrialEntry& entry) {
  return {entry.facts.round, -entry.facts.expected_ms, entry.facts.id};
}

bool must_be_alone(const TrialEntry& entry) {
  return entry.facts.alone || entry.retry.alone || entry.retry.pack_cap == 1;
}

bool may_join(const SchedulerState& state, const SlotEntry& slot, const BucketKey& who) {
  const auto size = static_cast<std::int64_t>(slot.trials.size());
  if (size == 0) return slot.facts.pack_limit > 0;
  if (who.alone || size >= slot.pack_limit_now) return false;
  if (who.pack_cap > 0 && size >= who.pack_cap) return false;
  for (const TrialId id : slot.trials) {
    const TrialEntry& member = state.trials.at(id);
    if (must_be_alone(member) || member.facts.group != who.group) return false;
    if (member.retry.pack_cap > 0 && size >= member.retry.pack_cap) return false;
  }
  return true;
}

}  // namespace plateau
