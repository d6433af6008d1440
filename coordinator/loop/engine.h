// One round of the coordinator: receive, apply, commit, then send; nothing else.
//
// No sockets of its own, no waiting, no signals: loop.h adds those, tests call round() by hand.
#pragma once

#include <deque>
#include <optional>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "coordinator/gateway/gateway.h"

namespace plateau {

struct EngineParts {
  Endpoint& endpoint;
  Scheduler& scheduler;
  Store& store;
  Gateway& gateway;
  const Clock& clock;
  LogLine log;
};

// One thread. What it is given outlives it.
class Engine {
 public:
  explicit Engine(EngineParts parts);

  // Reads the store; the first round applies it. Once. The sessions of before: who knows that one
  // of their processes is gone posts ConnectionLost for it.
  Result<std::vector<RestoredSession>> restore();

  // Something that no frame tells: time, a stop, a worker's death. Applied by the next round.
  void post(Event event);

  // True when something happened, so that another round may find more. An error means that nothing
  // of this round was said to anybody: workers will repeat it to the next coordinator.
  Result<bool> round();

  // The newest RunEnded; take_end() forgets it.
  std::optional<action::RunEnded> take_end();

 private:
  Status apply_frames(std::vector<Action>& actions, int& frames);
  void apply(const Event& event, std::vector<Action>& actions);
  Status commit(const std::vector<Action>& actions);

  EngineParts parts_;
  std::deque<Event> posted_;
  std::optional<action::RunEnded> end_;
};

}  // namespace plateau
