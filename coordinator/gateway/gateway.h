// Frames <-> events and actions: decodes, checks, receives artifacts, and says what was committed.
//
// The loop takes frames one by one, applies each event before it takes the next frame, commits, and
// only then performs the actions and flushes the answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/transport/endpoint.h"
#include "common/wire/codec.h"
#include "coordinator/gateway/artifact_inbox.h"
#include "coordinator/gateway/resume_outbox.h"
#include "coordinator/scheduler/scheduler.h"
#include "coordinator/store/store.h"

namespace plateau {

struct GatewayOptions {
  std::uint64_t coordinator_run = 0;  // one life of the coordinator, drawn at its start
  InboxOptions inbox;
};

// A line for the run's log.
using LogLine = std::function<void(const std::string&)>;

// One thread. What it is given outlives it.
class Gateway {
 public:
  Gateway(Endpoint& endpoint, const Scheduler& scheduler, Store& store, GatewayOptions options,
          LogLine log);

  // The event that the frame means, if it is one. Writes artifact bytes to disk; answers wait for
  // flush(). Garbage is dropped and logged at a bounded rate. kIo: the disk is full or says no.
  Result<std::optional<Event>> take(const Frame& frame);

  // What became of workers without a frame of theirs: their key was removed. After the frames.
  std::vector<Event> take_lost();

  // Carries out everything but Commit and RunEnded, which are the loop's. After the commit.
  void perform(const Action& action);

  // Sends the answers that waited for the commit, and pieces of checkpoints. True: it sent some.
  bool flush();
  // Before the first frame: a coordinator that was killed between a trial's end and the removal of
  // its checkpoints left them behind.
  void clean_up_after_crash(const std::vector<RestoredTrial>& trials);

 private:
  Result<std::optional<Event>> take_chunk(const wire::FromWorker& message);
  Result<std::optional<Event>> take_finished(event::Report report);
  Status write_trial_file(TrialId trial, const std::string& folder);
  void refuse_version(const wire::FromWorker& message);
  void clean_up(const Record& record);
  void assign(const action::Assign& assign);
  std::optional<ResumePoint> checkpoint_for(TrialId trial, const ResumePoint& newest,
                                            const std::string& folder);
  SendResult send(SessionId session, const wire::FromCoordinator& message);
  // Is this attempt the one that the scheduler waits for, from this session?
  bool is_current(SessionId session, const AttemptRef& attempt) const;
  Result<std::string> folder_of(TrialId trial);
  void note_garbage(const std::string& what);

  Endpoint& endpoint_;
  const Scheduler& scheduler_;
  Store& store_;
  std::uint64_t coordinator_run_;
  LogLine log_;
  std::filesystem::path run_folder_;
  ArtifactInbox inbox_;
  ResumeOutbox outbox_;
  std::map<SessionId, PeerName> peers_;
  std::map<TrialId, std::string> folders_;
  std::vector<std::pair<SessionId, wire::FromCoordinator>> waiting_;
  std::uint64_t garbage_ = 0;
};

}  // namespace plateau
