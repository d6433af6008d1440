// Artifacts on their way to the coordinator: which bytes to send next, which were acknowledged.
//
// Pure; knows no files, only sizes. Bytes of one artifact go in order and at most the coordinator's
// credit ahead of what it acknowledged; a few artifacts go at once.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "worker/agent/agent_actions.h"

namespace plateau::agent {

// Artifacts with bytes on the way at the same time; the others wait.
inline constexpr std::size_t kUploadsAtOnce = 16;
// How often the coordinator may throw an artifact's bytes away (their hash was wrong) before the
// upload counts as failed.
inline constexpr int kUploadTrials = 3;

class UploadQueue {
 public:
  explicit UploadQueue(DurationMs resend_after_ms) : resend_after_ms_(resend_after_ms) {}

  void add(const AttemptRef& attempt, Artifact artifact);
  // A checkpoint replaces an older one of the attempt that waits still; one whose bytes are on the
  // way is finished first, so that a slow line gets some checkpoint through.
  void add_checkpoint(const AttemptRef& attempt, Artifact artifact);

  void drop(const AttemptRef& attempt);
  void drop(const AttemptRef& attempt, const std::string& name);

  enum class Outcome {
    kNone,      // goes on, or nothing of ours
    kComplete,  // the artifact is safe at the coordinator
    kHopeless,  // it was thrown away kUploadTrials times; dropped here
  };
  Outcome on_ack(const ChunkAck& ack, TimeMs now);

  // What can be sent now.
  std::vector<SendChunk> take_chunks(TimeMs now);
  // The connection is new: what was not acknowledged is sent again.
  void restart();

  bool has(const AttemptRef& attempt) const;
  bool empty() const { return uploads_.empty(); }
  // When take_chunks has something to repeat, if nothing is acknowledged until then.
  TimeMs next_wakeup() const;

 private:
  struct Upload {
    AttemptRef attempt;
    Artifact artifact;
    bool is_checkpoint = false;
    bool sent_any = false;
    std::uint64_t acked = 0;  // bytes
    std::uint64_t sent = 0;
    std::uint64_t credit = 0;
    int thrown_away = 0;
    TimeMs last_activity = 0;
  };
  void take_chunks_of(Upload& upload, TimeMs now, std::vector<SendChunk>& chunks) const;

  DurationMs resend_after_ms_;
  std::deque<Upload> uploads_;
};

}  // namespace plateau::agent
