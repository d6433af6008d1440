// Artifacts on their way into the run folder: in order, verified, and in place only when whole.
//
// Bytes gather under trials/<folder>/.incoming/<attempt>/; an artifact whose SHA-256 is right is
// synced and renamed there, so a crash leaves either nothing or all of it. Only adopt_result() and
// adopt_checkpoint() touch what others read. Names begin with no '.', so they never meet ours.
//
// Blocks for the disk. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/sha256.h"
#include "coordinator/scheduler/events.h"

namespace plateau {

struct InboxOptions {
  std::filesystem::path run_folder;
  std::uint64_t credit_bytes = 1u << 20;  // an artifact, ahead of its ChunkAck
  std::uint64_t checkpoint_budget_bytes = std::uint64_t{4} << 30;  // of the whole run
};

struct Chunk {
  AttemptRef attempt;
  ArtifactFacts artifact;  // the whole that this is a part of
  std::uint64_t offset = 0;
  std::string data;
};

// What the worker is told.
struct Receipt {
  std::uint64_t offset = 0;  // bytes that are here; go on from there
  std::uint64_t credit_bytes = 0;
  bool complete = false;  // verified, synced, renamed
};

class ArtifactInbox {
 public:
  explicit ArtifactInbox(InboxOptions options);

  // A chunk that does not fit what is here is not an error: the receipt says from where to send.
  // kInvalidArgument: the name is reserved; kIo: disk full, permission.
  Result<Receipt> take(const Chunk& chunk, const std::string& trial_folder);

  // Puts a result's artifacts in place. kNotFound names one that is not here, whole and right.
  // Repeating it is harmless, also after a crash in the midst of it.
  Status adopt_result(const AttemptRef& attempt, const std::vector<ArtifactFacts>& artifacts,
                      const std::string& trial_folder);

  // Keeps a complete checkpoint where resume_path() finds it. False: the byte budget is spent, and
  // it was dropped.
  Result<bool> adopt_checkpoint(const AttemptRef& attempt, const ArtifactFacts& artifact,
                                const std::string& trial_folder);
  std::filesystem::path resume_path(const ResumePoint& resume,
                                    const std::string& trial_folder) const;
  // The newest one if its bytes are what they were, else the newest older one that is. Reads them.
  std::optional<ResumePoint> usable_checkpoint(const ResumePoint& newest,
                                               const std::string& trial_folder) const;

  // After the commit of a newer one: all but it and the one before go.
  void drop_old_checkpoints(const ResumePoint& newest, const std::string& trial_folder);
  // After the commit of an end: what the attempt left half-way goes.
  void drop_attempt(const AttemptRef& attempt, const std::string& trial_folder);
  // After the trial's end: its checkpoints too.
  void drop_trial(const std::string& trial_folder);
  // Folders of trials that hold what the calls above would remove. Asks each folder of the run
  // once.
  std::set<std::string> folders_to_clean() const;

 private:
  struct Arriving {
    ArtifactFacts artifact;
    Sha256 hash;
    std::uint64_t received_bytes = 0;
    bool complete = false;
  };
  using Key = std::pair<AttemptRef, std::string>;

  std::filesystem::path trial_path(const std::string& trial_folder) const;
  std::filesystem::path staged(const AttemptRef& attempt, const std::string& name,
                               const std::string& trial_folder) const;
  std::filesystem::path partial(const AttemptRef& attempt, const std::string& name,
                                const std::string& trial_folder) const;
  Status complete(Arriving& arriving, const AttemptRef& attempt, const std::string& trial_folder);
  Receipt receipt(const Arriving& arriving) const;
  std::vector<ResumePoint> other_checkpoints(const ResumePoint& newest,
                                             const std::string& trial_folder) const;

  InboxOptions options_;
  std::map<Key, Arriving> arriving_;
  std::uint64_t checkpoint_bytes_ = 0;
};

}  // namespace plateau
