// What must hold of the scheduler's state after every event, in one place.
//
// Tests and the simulation call it after every step; a debug build of the coordinator does too.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "coordinator/scheduler/scheduler.h"

namespace plateau {

// What is broken, as a sentence; nullopt when all holds. Looks at everything: O(trials).
//  - every trial is in exactly one place: its bucket of the queue, one slot, or ended;
//  - slots and phases agree, no trial is in two slots, counts add up;
//  - a slot holds at most its pack limit, of one group, and who must be alone is alone;
//  - attempts are numbered from 1 without gaps, only the last one may be open, and it is open
//    exactly while the trial is Assigned or Running; ended trials have an end that fits.
std::optional<std::string> broken_invariant(const Scheduler& scheduler);

// Compares each state with the one before: attempts never get fewer, ended trials stay as they
// ended, acknowledged sequences and charges never go back. Forgets nothing over a restart: that
// what was committed survives is part of it, so show it committed states only.
class HistoryChecker {
 public:
  // As above; call in the order of events.
  std::optional<std::string> check(const Scheduler& scheduler);

 private:
  struct Seen {
    std::size_t attempts = 0;
    std::int64_t charged = 0;
    TrialStatus status = TrialStatus::kQueued;
  };
  std::map<TrialId, Seen> trials_;
  std::map<SessionId, std::uint64_t> acked_;
};

}  // namespace plateau
