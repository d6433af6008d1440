// The end of a trial: artifacts on disk and the message that lists them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "worker/trainer/job.h"

namespace plateau::trainer {

struct Outcome {
  nlohmann::json metrics = nlohmann::json::array();  // {split, name, value} of the finished message
  nlohmann::json history = nlohmann::json::array();  // lines of metrics.jsonl
  std::string predictions;                           // predictions.jsonl
  std::int64_t adapter_parameters = 0;
  std::int64_t head_parameters = 0;
  std::int64_t base_parameters = 0;
  std::int64_t base_bytes = 0;  // of the base as it is kept in memory
  std::int64_t steps = 0;
  std::int64_t train_tokens = 0;
  double train_seconds = 0.0;
  double eval_seconds = 0.0;
  std::vector<std::string> notes;
};

// Writes metrics.jsonl and predictions.jsonl into the assignment's folder and sends finished.
// adapter/ must be there already if the trial has one. kIo.
Status report_finished(const Assignment& assignment, const JobContext& context,
                       const Outcome& outcome);

// Largest resident set of this process so far.
std::int64_t peak_memory_bytes();
// As /proc/cpuinfo names the processor, or the device's own text.
std::string name_of_device(const std::string& device);

}  // namespace plateau::trainer
