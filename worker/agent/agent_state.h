// The agent: what a worker does about everything that happens to it, as a pure state machine.
//
// No sockets, no clock, no disk, no threads: apply(event, now) -> actions. The loop (agent_loop.h)
// carries the actions out; the simulator (tests/simulation) does so in a made-up world.
//
// What it promises, whatever order messages come in, get lost or come twice:
// - Each attempt it accepted ends in exactly one of Finished, Failed, HandedBack: also one that the
//   coordinator took away (Cancel, Welcome.keep, a newer attempt of the trial), which is handed
//   back, to be dropped there as stale. That last report is kept until it is acknowledged.
// - An attempt that was ever held, cancelled or reported is never started again: the same Assign
//   twice changes nothing, and one for an older attempt than the newest seen is dropped.
// - Reports are numbered from 1 without gaps in the order they are first sent; at most
//   kReportWindow are unacknowledged on the way, all are sent again when no acknowledgement came
//   for resend_after_ms and after each Welcome.
// - Finished and HandedBack are numbered only when the uploads of their attempt are complete.
// - Without a coordinator it trains on, keeps reports, says Hello every hello_interval_ms for a
//   minute and then more rarely, and ends after give_up_ms once nothing is left in a trainer.
//
// What it needs of a coordinator: Hello.held and Heartbeat list every attempt it holds, ended ones
// included until their last report is acknowledged. An attempt of this session that the
// coordinator assigned and that is missing there did not arrive: send the same Assign again. One
// that is listed and is not the coordinator's any more: Cancel it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "worker/agent/agent_actions.h"
#include "worker/agent/agent_events.h"

namespace plateau::agent {

// Reports under way: numbered, kept, sent, not yet acknowledged.
inline constexpr std::size_t kReportWindow = 256;
// Metrics that wait to be numbered. Beyond it every second one is dropped, of the train split
// first; the artifact metrics.jsonl has them all.
inline constexpr std::size_t kMaxWaitingMetrics = 4096;
// Bytes of one SendChunk at most, and of an upload's first, before the coordinator gave credit.
inline constexpr std::uint64_t kChunkBytes = 256u << 10;

struct AgentOptions {
  SessionId session;
  std::size_t slots = 1;
  DurationMs heartbeat_ms = 500;
  DurationMs hello_interval_ms = 250;       // for the first minute without a coordinator
  DurationMs hello_interval_max_ms = 5000;  // later; doubles up to here
  DurationMs resend_after_ms = 2000;
  DurationMs progress_interval_ms = 1000;  // per attempt
  DurationMs resume_timeout_ms = 10'000;   // between two pieces of a checkpoint to resume from
  DurationMs grace_ms = 30'000;            // for a preemption
  DurationMs give_up_ms = 600'000;         // without a coordinator
  // Checkpoints above it stay on the node, and the report's log line says so.
  std::uint64_t checkpoint_upload_max_bytes = 64u << 20;
};

// What an earlier process of the same session kept on the disk. Its results go on to the
// coordinator; whatever else it held is handed back.
struct Restored {
  std::uint64_t first_sequence = 1;  // of the reports under way, or of the next one
  std::vector<Report> under_way;     // without gaps
  std::vector<KeepResult> results;   // waiting for their artifacts to arrive
};

// One thread.
class AgentState {
 public:
  AgentState(const AgentOptions& options, TimeMs now, const Restored& restored = {});
  ~AgentState();
  AgentState(AgentState&&) noexcept;
  AgentState& operator=(AgentState&&) noexcept;

  // Never fails: what makes no sense is dropped, with a Log where a person should know. After an
  // Exit every event is ignored. `now` never goes back.
  std::vector<Action> apply(const Event& event, TimeMs now);

  // When the next Tick is due; a later event may bring it forward.
  TimeMs next_wakeup() const;

  // Every attempt held, as Hello and Heartbeat list them.
  std::vector<AttemptRef> held() const;
  // Those that are in a trainer, or on their way into it.
  std::vector<AttemptRef> in_trainer(SlotIndex slot) const;
  bool connected() const;
  bool ended() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plateau::agent
