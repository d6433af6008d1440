// One round of the coordinator: receive, apply, commit, then send; nothing else.
//
// No sockets of its own, no waiting, no signals: loop.h adds those, tests call round() by hand.
#pragma once

#include <deque>
#include <functional>
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
  // Sees the records of each event before they are committed and before the next event is applied;
  // what it answers is applied at once and committed with them, so that a decision is never lost
  // once what it is based on is stored.
  // Empty: nobody looks.
  std::function<std::vector<Event>(const std::vector<const Record*>&)> observe = {};
};

// One thread. What it is given outlives it.
class Engine {
 public:
  explicit Engine(EngineParts parts);

  // Reads the store; the first round applies it. Once. The sessions of before: who knows that one
  // of their processes is gone posts ConnectionLost for it.
  // `more_expected`: a search will submit trials.
  Result<std::vector<RestoredSession>> restore(bool more_expected = false);

  // Something that no frame tells: time, a stop, a worker's death. Applied by the next round.
  void post(Event event);

  // True when something happened, so that another round may find more. An error means that nothing
  // of this round was said to anybody: workers will repeat it to the next coordinator.
  Result<bool> round();

  // The newest RunEnded; take_end() forgets it.
  std::optional<action::RunEnded> take_end();

 private:
  Status apply_frames(std::vector<Action>& actions, int& frames);
  void schedule(const Event& event, std::vector<Action>& actions);
  void apply(const Event& event, std::vector<Action>& actions);
  void observe(std::vector<Action>& actions, std::size_t seen);
  Status commit(const std::vector<Action>& actions);

  EngineParts parts_;
  std::deque<Event> posted_;
  std::optional<action::RunEnded> end_;
};

}  // namespace plateau
