// The folders of a worker's attempts: made before the trainer writes into them, removed when the
// coordinator has all of it. Blocks for the disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/agent/agent_actions.h"

namespace plateau::agent {

class AttemptFiles {
 public:
  explicit AttemptFiles(std::filesystem::path root) : root_(std::move(root)) {}

  // ROOT/<trial>-<attempt>
  std::filesystem::path folder(const AttemptRef& attempt) const;
  // Where the checkpoint to resume from is put together.
  std::filesystem::path resume_path(const AttemptRef& attempt) const;

  // The first piece makes the attempt's folder.
  Status store_resume(const StoreResume& piece) const;
  bool resume_is_good(const VerifyResume& wanted) const;
  void remove(const AttemptRef& attempt) const;
  // Everything but these: what an earlier process left.
  void remove_all_but(const std::vector<AttemptRef>& attempts) const;

 private:
  std::filesystem::path root_;
};

// `length` bytes from `offset`. kIo, or kCorrupt when the file is shorter than the artifact says.
Result<std::string> read_piece(const Artifact& artifact, std::uint64_t offset,
                               std::uint64_t length);

}  // namespace plateau::agent
