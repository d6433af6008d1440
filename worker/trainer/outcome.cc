#include "worker/trainer/outcome.h"

#include <fstream>

#include <sys/resource.h>
#include <torch/version.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/text.h"

namespace plateau::trainer {
namespace {

std::string json_lines(const nlohmann::json& items) {
  std::string text;
  for (const auto& item : items)
    text += item.dump() + "\n";
  return text;
}

Result<nlohmann::json> describe_artifacts(const std::filesystem::path& folder) {
  nlohmann::json artifacts = nlohmann::json::array();
  for (const char* name : {"metrics.jsonl", "predictions.jsonl", "adapter/adapter_config.json",
                           "adapter/adapter_model.safetensors"}) {
    const std::filesystem::path path = folder / name;
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) continue;  // A baseline has no adapter.
    auto sha256 = sha256_of_file(path);
    if (!sha256) return sha256.error();
    artifacts.push_back(
        {{"name", name}, {"path", path.string()}, {"size_bytes", size}, {"sha256", *sha256}});
  }
  return artifacts;
}

}  // namespace

Status report_finished(const Assignment& assignment, const JobContext& context,
                       const Outcome& outcome) {
  const auto& folder = assignment.folder;
  for (const auto& [name, text] : {std::pair{"metrics.jsonl", json_lines(outcome.history)},
                                   std::pair{"predictions.jsonl", outcome.predictions}}) {
    if (Status status = write_file_atomically(folder / name, text); !status) return status;
  }
  auto artifacts = describe_artifacts(folder);
  if (!artifacts) return artifacts.error();
  std::int64_t adapter_bytes = 0;
  for (const auto& artifact : *artifacts) {
    if (artifact["name"] == "adapter/adapter_model.safetensors")
      adapter_bytes = artifact["size_bytes"];
  }
  nlohmann::json message = message_of(assignment, "finished");
  message["artifacts"] = *artifacts;
  message["result"] = {{"metrics", outcome.metrics},
                       {"parameters",
                        {{"adapter", outcome.adapter_parameters},
                         {"head", outcome.head_parameters},
                         {"base", outcome.base_parameters}}},
                       {"steps", outcome.steps},
                       {"train_tokens", outcome.train_tokens},
                       {"train_seconds", outcome.train_seconds},
                       {"eval_seconds", outcome.eval_seconds},
                       {"peak_memory_bytes", peak_memory_bytes()},
                       {"adapter_bytes", adapter_bytes},
                       {"base_bytes", outcome.base_bytes},
                       {"device", context.device},
                       {"device_name", context.device_name},
                       {"precision", assignment.trial.protocol.precision},
                       {"version", context.version},
                       {"torch", TORCH_VERSION},
                       {"notes", outcome.notes}};
  context.sink(message);
  return {};
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

std::string name_of_device(const std::string& device) {
  if (device != "cpu") return device;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    return std::string(trim(std::string_view(line).substr(line.find(':') + 1)));
  }
  return device;
}

}  // namespace plateau::trainer
