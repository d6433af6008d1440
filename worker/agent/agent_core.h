// The inside of AgentState (agent_state.h says what it promises); of no use to others.
//
// Split by subject: agent_connection.cc (hello, silence, heartbeats, giving up),
// agent_attempts.cc (from Assign to the last report), agent_ending.cc (stop, preemption, exit),
// agent_state.cc (dispatch and the outside).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "worker/agent/agent_state.h"
#include "worker/agent/report_queue.h"
#include "worker/agent/upload_queue.h"

namespace plateau::agent {

inline constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();

// ---- the connection, one of three ---------------------------------------------------------------

// Hello was said, nobody welcomed us yet.
struct Seeking {
  TimeMs since = 0;
  TimeMs next_hello = 0;
  DurationMs interval_ms = 0;
  std::uint64_t first_hello = 0;  // a Welcome to an earlier one is out of date
};

struct Connected {
  TimeMs last_heard = 0;
  TimeMs next_heartbeat = 0;
  DurationMs lease_ms = 0;
  std::uint64_t hello = 0;  // that was answered; a repeated Welcome to it is no news
};

struct Ended {};

// ---- an attempt, one of five --------------------------------------------------------------------

// Paths and the checkpoint to resume from are being made ready.
struct Preparing {
  std::optional<std::string> prepared_trial;
  std::optional<Artifact> resume;  // still wanted
  std::uint64_t resume_bytes = 0;  // stored so far
  bool verifying = false;
  bool resume_good = false;
  TimeMs last_piece = 0;
};

struct InTrainer {
  bool started = false;
};

// Out of the coordinator's favour, or asked to come out; the trainer has not said yet that it is.
struct Leaving {
  std::string reason;
};

// The last report is known and waits for the attempt's uploads.
struct Uploading {
  ReportBody last_report;
};

// The last report is in the queue.
struct Reported {};

struct Attempt {
  AttemptRef ref;
  SlotIndex slot;
  bool alone = false;
  std::string trial_json;
  std::variant<Preparing, InTrainer, Leaving, Uploading, Reported> phase;

  std::optional<ProgressReport> progress;  // the newest that was not sent
  TimeMs next_progress = 0;
};

// ---- the end of the worker ----------------------------------------------------------------------

struct Ending {
  std::string reason;
  Exit::Why why = Exit::Why::kDone;
  TimeMs begun = 0;
  TimeMs give_up_uploads = kNever;  // no deadline while what runs may finish
  TimeMs deadline = kNever;
};

class AgentCore {
 public:
  AgentCore(const AgentOptions& options, TimeMs now, const Restored& restored);

  std::vector<Action> apply(const Event& event, TimeMs now);
  TimeMs next_wakeup() const;
  std::vector<AttemptRef> held() const;
  std::vector<AttemptRef> in_trainer(SlotIndex slot) const;
  bool connected() const { return std::holds_alternative<Connected>(connection_); }
  bool ended() const { return std::holds_alternative<Ended>(connection_); }

 private:
  // agent_connection.cc
  void begin_seeking(TimeMs now);
  void say_hello(Seeking& seeking, TimeMs now);
  void tick_connection(TimeMs now);
  void on(const Welcome& welcome, TimeMs now);
  void on(const Refused& refused, TimeMs now);
  void on(const Ack& ack, TimeMs now);
  void on(const HeartbeatReply& reply, TimeMs now);
  void send_reports_again(TimeMs now);
  void flush(TimeMs now);

  // agent_attempts.cc
  void on(const Assign& assign, TimeMs now);
  void on(const ResumeData& data, TimeMs now);
  void on(const Cancel& cancel, TimeMs now);
  void on(const ChunkAck& ack, TimeMs now);
  void on(const TrialPrepared& event, TimeMs now);
  void on(const PreparationFailed& event, TimeMs now);
  void on(const ResumeVerified& event, TimeMs now);
  void on(const TrialStarted& event, TimeMs now);
  void on(const TrialProgress& event, TimeMs now);
  void on(const TrialMetric& event, TimeMs now);
  void on(const TrialCheckpoint& event, TimeMs now);
  void on(const TrialFinished& event, TimeMs now);
  void on(const TrialFailed& event, TimeMs now);
  void on(const TrialHandedBack& event, TimeMs now);
  void on(const TrialDropped& event, TimeMs now);
  void on(const TrainerDied& event, TimeMs now);
  void on(const UploadUnreadable& event, TimeMs now);
  void start_if_ready(Attempt& attempt);
  void take_away(Attempt& attempt, const std::string& reason);
  void end(Attempt& attempt, ReportBody last_report);
  void report_if_uploaded(Attempt& attempt);
  void fail_upload(Attempt& attempt, const std::string& message);
  void tick_attempts(TimeMs now);
  Attempt* find(const AttemptRef& ref);
  // Only one that is in the trainer (`Leaving` included) may be reported about.
  Attempt* find_in_trainer(const AttemptRef& ref);

  // agent_ending.cc
  void on(const Stop& stop, TimeMs now);
  void on(const Preempt& preempt, TimeMs now);
  void begin_hand_back(const std::string& reason, Exit::Why why, TimeMs now);
  void begin_drain(const std::string& reason, TimeMs now);
  void tick_ending(TimeMs now);
  void exit(Exit::Why why, const std::string& message);

  // agent_state.cc
  void restore(const Restored& restored);
  void on(const FromCoordinator& message, TimeMs now);
  void on(const Tick& tick, TimeMs now);
  void act(Action action) { actions_.push_back(std::move(action)); }
  void log(Log::Level level, std::string message) { act(Log{level, std::move(message)}); }

  AgentOptions options_;
  std::variant<Seeking, Connected, Ended> connection_;
  std::optional<Ending> ending_;
  std::map<AttemptRef, Attempt> attempts_;
  // The newest attempt ever heard of, a trial: what fences late and repeated messages off.
  std::map<TrialId, AttemptNumber> newest_;
  ReportQueue reports_;
  UploadQueue uploads_;
  std::uint64_t hellos_ = 0;
  // What each Hello since the connection was lost said that we hold.
  std::map<std::uint64_t, std::vector<AttemptRef>> said_held_;
  TimeMs last_report_activity_ = 0;
  std::vector<Action> actions_;
};

}  // namespace plateau::agent
