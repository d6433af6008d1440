// Everything that an agent can ask of the world, one struct each: what apply() answers, to be
// carried out in order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "worker/agent/agent_events.h"

namespace plateau::agent {

// ---- reports: what the coordinator hears of an attempt ------------------------------------------

struct StartedReport {
  SlotIndex slot;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
};

struct ProgressReport {
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
  double loss = 0.0;
  double tokens_per_s = 0.0;
};

struct MetricReport {
  std::int64_t step = 0;
  std::string split;
  std::string name;
  double value = 0.0;
};

// Reported before its bytes are sent.
struct CheckpointedReport {
  std::int64_t step = 0;
  Artifact artifact;
};

// Reported when every artifact was acknowledged as complete.
struct FinishedReport {
  std::string result_json;
  std::vector<Artifact> artifacts;
};

struct FailedReport {
  FailureKind kind = FailureKind::kTrainerCrashed;
  std::string message;
  std::vector<TrialId> pack;  // in the trainer when it died; empty for the trial's own failure
};

struct HandedBackReport {
  std::string reason;
};

using ReportBody = std::variant<StartedReport, ProgressReport, MetricReport, CheckpointedReport,
                                FinishedReport, FailedReport, HandedBackReport>;

struct Report {
  std::uint64_t sequence = 0;  // 0: progress, sent once and forgotten
  AttemptRef attempt;
  ReportBody body;
};

// Finished, Failed and HandedBack end an attempt: exactly one of them is reported, once.
bool ends_attempt(const ReportBody& body);

// ---- messages to the coordinator ----------------------------------------------------------------
// Each may be lost without a word; the state sends again what matters.

struct SendHello {
  std::uint64_t number = 0;
  std::vector<AttemptRef> held;
  std::uint64_t first_sequence = 1;
};

struct SendHeartbeat {
  std::vector<AttemptRef> held;
};

struct SendReport {
  Report report;
};

// `length` bytes of the file from `offset`; 0 bytes of an empty file.
struct SendChunk {
  AttemptRef attempt;
  Artifact artifact;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct SendGoodbye {
  std::string reason;
};

// ---- to the runner ------------------------------------------------------------------------------

// Turn catalogue sources into paths of this node (this may download, so it may take minutes);
// answered with TrialPrepared or PreparationFailed.
struct PrepareTrial {
  AttemptRef attempt;
  std::string trial_json;
};

// Write bytes of the checkpoint to resume from at `offset` of its file.
struct StoreResume {
  AttemptRef attempt;
  std::uint64_t offset = 0;
  std::string data;
};

// Compare the stored file with this size and hash; answered with ResumeVerified.
struct VerifyResume {
  AttemptRef attempt;
  Artifact artifact;
};

// Hand the trial to the slot's trainer, which is started when there is none.
struct StartTrial {
  SlotIndex slot;
  AttemptRef attempt;
  std::string trial_json;
  bool alone = false;
  bool resume = false;  // from the file that StoreResume wrote
};

// Answered with TrialDropped, or with TrainerDied.
struct CancelTrial {
  SlotIndex slot;
  AttemptRef attempt;
};

// Checkpoint everything, hand it back, end; answered with TrainerDied. After grace_ms it is killed.
struct StopTrainer {
  SlotIndex slot;
  DurationMs grace_ms = 0;
};

// ---- to the disk --------------------------------------------------------------------------------

// Keep the report until ForgetReports covers its sequence; synced when it ends an attempt.
struct KeepReport {
  Report report;
};

// A result that waits for its artifacts to arrive: keep it, synced, until ReleaseAttempt.
struct KeepResult {
  AttemptRef attempt;
  FinishedReport result;
};

// Reports up to this sequence are committed at the coordinator.
struct ForgetReports {
  std::uint64_t through_sequence = 0;
};

// The attempt is over and reported, or was taken away: its folder can go.
struct ReleaseAttempt {
  AttemptRef attempt;
};

// ---- about the program --------------------------------------------------------------------------

struct Exit {
  enum class Why {
    kDone,             // stopped by the coordinator, or no more work
    kPreempted,        // all handed back within the grace time
    kGraceOver,        // the grace time ended first
    kCoordinatorGone,  // no coordinator for the stated time, nothing left to do
    kRefused,          // another protocol version
    kKeyRefused,       // the connection's keys do not fit (the loop's, not the state machine's)
  };
  Why why = Why::kDone;
  std::string message;
};

struct Log {
  enum class Level { kInfo, kWarning, kError };
  Level level = Level::kInfo;
  std::string message;
};

using Action =
    std::variant<SendHello, SendHeartbeat, SendReport, SendChunk, SendGoodbye, PrepareTrial,
                 StoreResume, VerifyResume, StartTrial, CancelTrial, StopTrainer, KeepReport,
                 KeepResult, ForgetReports, ReleaseAttempt, Exit, Log>;

}  // namespace plateau::agent
