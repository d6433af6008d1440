// Ids are types: a TrialId never passes for a WorkerId. Ordered, hashable, printable.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace plateau {

template <typename Tag>
struct Id {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

// A trial of one run, numbered from 1 in the order of creation.
using TrialId = Id<struct TrialTag>;
// The n-th execution of a trial, from 1. Only the current attempt may report.
using AttemptNumber = Id<struct AttemptTag>;
// A worker as the coordinator numbers it, for the life of one session.
using WorkerId = Id<struct WorkerTag>;
// A slot of a worker: 0, 1, ... one per device.
using SlotIndex = Id<struct SlotTag>;

// One life of one worker process, drawn at its start; a new process is a new session.
using SessionId = Id<struct SessionTag>;

}  // namespace plateau

template <typename Tag>
struct std::hash<plateau::Id<Tag>> {
  std::size_t operator()(const plateau::Id<Tag>& id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
