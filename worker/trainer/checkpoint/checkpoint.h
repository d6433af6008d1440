// Everything a trial needs to go on exactly where it was, in one safetensors file.
//
// Random numbers need no state: they are keyed by (seed, purpose, step). The frozen base is not
// stored. The file's metadata hold the trial's key, the step and the history; their and the
// tensors' bytes are covered by a SHA-256, so a damaged file is refused rather than continued.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/trainer/pack/member.h"

namespace plateau::trainer {

// What a checkpoint keeps beside the member itself.
struct History {
  std::int64_t train_tokens = 0;
  double train_seconds = 0.0;
  double eval_seconds = 0.0;
  double loss_sum = 0.0;  // of the steps since the last reported training loss
  std::int64_t loss_count = 0;
  nlohmann::json metrics = nlohmann::json::array();  // {step, split, name, value} so far
  std::map<std::string, double> validation;          // last values, or those of the best step
  TensorMap best;           // trained values at the best validation, when the protocol asks for it
  double best_value = 0.0;  // of the task's metric
  bool has_best = false;
};

struct CheckpointInfo {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::int64_t size_bytes = 0;
  std::string sha256;  // of the file
};

// Writes <folder>/checkpoints/step-<step>.safetensors atomically and removes all but the newest
// two. kIo.
Result<CheckpointInfo> write_checkpoint(const std::filesystem::path& folder, const Member& member,
                                        const History& history);

// Puts the member where the file's trial was. kNotFound; kCorrupt (damaged, cut, of another shape);
// kVersion (another format); kInvalidArgument (of another trial). On an error the member may be
// changed and must be dropped.
Status read_checkpoint(const std::filesystem::path& file, Member& member, History& history);

// Checkpoints in the folder of `file`, newest first: where to go on when the newest is damaged.
std::vector<std::filesystem::path> checkpoints_beside(const std::filesystem::path& file);

}  // namespace plateau::trainer
