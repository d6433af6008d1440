// What the stand-in trainer computes for a trial: numbers and files that follow from the trial's
// key alone, so that a test can tell whose result it holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau::stand_in {

// A chain of hashes, one link a step: a trial that was resumed in the wrong place, or twice, ends
// with another value than one that ran undisturbed.
std::uint64_t first_link(const std::string& key);
std::uint64_t next_link(std::uint64_t link, std::int64_t step);
// The link after `steps` steps.
std::uint64_t last_link(const std::string& key, std::int64_t steps);

// In [0.5, 1): of the test split, for a trial that went through all its steps.
double test_accuracy(const std::string& key, std::int64_t steps);
// Falls with the step.
double train_loss(const std::string& key, std::int64_t step);

// A trial on its way.
struct Run {
  std::string key;
  std::string label;
  bool is_baseline = false;
  std::int64_t rank = 0;
  std::int64_t step = 0;
  std::int64_t steps_total = 0;
  std::uint64_t link = 0;
};

// {path, size_bytes, sha256}, complete on disk under its final name.
Result<nlohmann::json> write_checkpoint(const Run& run, const std::filesystem::path& folder);
// kCorrupt when it is another trial's, or damaged.
Status read_checkpoint(const std::filesystem::path& path, Run& run);

// Writes all artifacts into the folder; the `result` and `artifacts` of the finished frame.
struct Finished {
  nlohmann::json result;
  nlohmann::json artifacts;
};
Result<Finished> finish(const Run& run, const std::filesystem::path& folder, double train_seconds);

}  // namespace plateau::stand_in
