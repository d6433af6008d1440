// Drives an AgentState by hand: no sockets, no sleeping. What it asked for lies in `actions` until
// the next call.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "worker/agent/agent_state.h"

namespace plateau::agent {

inline AttemptRef ref(std::int64_t trial, std::int64_t attempt = 1) {
  return {TrialId{trial}, AttemptNumber{attempt}};
}

inline Artifact file(const std::string& name, std::uint64_t size_bytes) {
  return {name, "/node/" + name, size_bytes, std::string(64, 'a')};
}

class AgentDriver {
 public:
  explicit AgentDriver(AgentOptions options = {}, const Restored& restored = {})
      : options_(with_session(options)), agent_(options_, now_, restored) {}

  AgentState& agent() { return agent_; }
  TimeMs now() const { return now_; }
  std::vector<Action> actions;

  void apply(const Event& event) { actions = agent_.apply(event, now_); }
  void receive(CoordinatorBody body) { apply(FromCoordinator{options_.session, std::move(body)}); }

  // Time passes; ticks come when the agent asked for them. All actions of that time are in
  // `actions`.
  void advance(DurationMs by_ms) {
    const TimeMs until = now_ + by_ms;
    std::vector<Action> all;
    while (!agent_.ended() && agent_.next_wakeup() <= until) {
      now_ = std::max(now_, agent_.next_wakeup());
      apply(Tick{});
      all.insert(all.end(), actions.begin(), actions.end());
      // An agent that asks to be woken now, for ever, would turn the loop into a spin.
      if (++wakeups_ > 100'000) break;
    }
    now_ = until;
    actions = std::move(all);
  }

  // The same, with a coordinator that answers every heartbeat: nothing is silent.
  std::vector<Action> advance_in_touch(DurationMs by_ms) {
    std::vector<Action> all;
    for (DurationMs passed = 0; passed < by_ms; passed += 100) {
      advance(100);
      all.insert(all.end(), actions.begin(), actions.end());
      receive(HeartbeatReply{10'000});
      all.insert(all.end(), actions.begin(), actions.end());
    }
    return all;
  }

  template <typename T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const Action& action : actions) {
      if (const T* match = std::get_if<T>(&action)) found.push_back(*match);
    }
    return found;
  }
  template <typename T>
  std::size_t count() const {
    return of<T>().size();
  }
  // Bodies of the reports in `actions` that are of this kind.
  template <typename T>
  std::vector<T> reports() const {
    std::vector<T> found;
    for (const SendReport& send : of<SendReport>()) {
      if (const T* match = std::get_if<T>(&send.report.body)) found.push_back(*match);
    }
    return found;
  }

  // Says Hello and is welcomed; `keep` must be what it holds.
  void connect(std::uint64_t acked = 0) {
    advance(options_.hello_interval_max_ms);
    const auto hellos = of<SendHello>();
    receive(Welcome{1, 10'000, hellos.back().number, hellos.back().held, acked});
  }

  // Into the trainer, and started.
  void run_trial(const AttemptRef& attempt, SlotIndex slot = {0}) {
    receive(Assign{attempt, slot, "{}", false, {}});
    apply(TrialPrepared{attempt, "{}"});
    apply(TrialStarted{attempt, 0, 100});
  }

  // Every report sent so far is acknowledged.
  void ack_all() {
    std::uint64_t newest = 0;
    for (const SendReport& send : of<SendReport>())
      newest = std::max(newest, send.report.sequence);
    if (newest > 0) receive(Ack{newest});
  }

 private:
  static AgentOptions with_session(AgentOptions options) {
    options.session = SessionId{77};
    return options;
  }
  AgentOptions options_;
  TimeMs now_ = 1000;
  AgentState agent_;
  int wakeups_ = 0;
};

}  // namespace plateau::agent
