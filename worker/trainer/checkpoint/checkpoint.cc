#include "worker/trainer/checkpoint/checkpoint.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "common/base/sha256.h"

namespace plateau::trainer {
namespace {

constexpr char kFormat[] = "plateau-checkpoint/1";
constexpr std::size_t kKept = 2;

// Covers names, dtypes, shapes and bytes of all tensors, and the metadata but the digest itself.
std::string digest(const TensorMap& tensors, const std::map<std::string, std::string>& metadata) {
  Sha256 sha;
  const auto add = [&](const std::string& text) { sha.update(text.data(), text.size() + 1); };
  for (const auto& [key, value] : metadata) {
    if (key == "sha256") continue;
    add(key);
    add(value);
  }
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor local = tensor.detach().to(at::kCPU).contiguous();
    add(name);
    add(std::string(c10::toString(local.scalar_type())));
    for (const std::int64_t size : local.sizes())
      add(std::to_string(size));
    sha.update(local.const_data_ptr(), local.nbytes());
  }
  return sha.hex();
}

TensorMap collect(const Member& member, const History& history) {
  TensorMap tensors;
  for (const auto& [name, tensor] : member.snapshot())
    tensors["trained." + name] = tensor;
  for (const TrainedTensor& tensor : member.adapter().fixed())
    tensors["fixed." + tensor.name] = tensor.value;
  for (const auto& [name, tensor] : member.optimizer().state())
    tensors["optimizer." + name] = tensor;
  for (const auto& [name, tensor] : history.best)
    tensors["best." + name] = tensor;
  return tensors;
}

TensorMap with_prefix(const TensorMap& tensors, const std::string& prefix) {
  TensorMap result;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) result[name.substr(prefix.size())] = tensor;
  }
  return result;
}

nlohmann::json history_json(const History& history) {
  return {{"train_tokens", history.train_tokens}, {"train_seconds", history.train_seconds},
          {"eval_seconds", history.eval_seconds}, {"metrics", history.metrics},
          {"loss_sum", history.loss_sum},         {"loss_count", history.loss_count},
          {"validation", history.validation},     {"best_value", history.best_value},
          {"has_best", history.has_best}};
}

Error at_file(const std::filesystem::path& file, ErrorKind kind, const std::string& what) {
  return {kind, "checkpoint " + file.string() + ": " + what};
}

Status read_history(const nlohmann::json& json, const TensorMap& tensors, History& history) {
  try {
    history.train_tokens = json.at("train_tokens");
    history.train_seconds = json.at("train_seconds");
    history.eval_seconds = json.at("eval_seconds");
    history.loss_sum = json.at("loss_sum");
    history.loss_count = json.at("loss_count");
    history.metrics = json.at("metrics");
    history.validation = json.at("validation").get<std::map<std::string, double>>();
    history.best_value = json.at("best_value");
    history.has_best = json.at("has_best");
  } catch (const nlohmann::json::exception& error) {
    return corrupt(std::string("its history cannot be read: ") + error.what());
  }
  history.best = with_prefix(tensors, "best.");
  return {};
}

Status restore(const TensorMap& tensors, std::int64_t step, Member& member) {
  for (TrainedTensor& tensor : member.adapter().fixed()) {
    if (Status status = copy_into(tensors, "fixed." + tensor.name, tensor.value); !status)
      return status;
  }
  if (Status status = member.restore(with_prefix(tensors, "trained.")); !status) return status;
  return member.optimizer().load_state(with_prefix(tensors, "optimizer."), step);
}

std::vector<std::filesystem::path> newest_first(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".safetensors")) files.push_back(entry.path());
  }
  std::sort(files.rbegin(), files.rend());  // Steps are written with leading zeros.
  return files;
}

}  // namespace

Result<CheckpointInfo> write_checkpoint(const std::filesystem::path& folder, const Member& member,
                                        const History& history) {
  const std::filesystem::path home = folder / "checkpoints";
  if (Status status = make_folder(home); !status) return status.error();
  const TensorMap tensors = collect(member, history);
  std::map<std::string, std::string> metadata = {{"format", kFormat},
                                                 {"trial_key", trial_key(member.trial())},
                                                 {"step", std::to_string(member.step())},
                                                 {"history", history_json(history).dump()}};
  metadata["sha256"] = digest(tensors, metadata);
  std::string number = std::to_string(member.step());
  number.insert(0, number.size() < 9 ? 9 - number.size() : 0, '0');
  const std::filesystem::path path = home / ("step-" + number + ".safetensors");
  if (Status status = write_tensors(path, tensors, metadata); !status) return status.error();
  const auto files = newest_first(home);
  std::error_code ignored;  // An old file that stays is no failure.
  for (std::size_t i = kKept; i < files.size(); ++i)
    std::filesystem::remove(files[i], ignored);
  auto sha256 = sha256_of_file(path);
  if (!sha256) return sha256.error();
  const auto size = std::filesystem::file_size(path, ignored);
  return CheckpointInfo{path, member.step(), static_cast<std::int64_t>(size), *sha256};
}

Status read_checkpoint(const std::filesystem::path& file, Member& member, History& history) {
  std::map<std::string, std::string> metadata;
  const auto tensors = read_tensors(file, &metadata);
  if (!tensors) return tensors.error();  // Names the file.
  if (metadata["format"] != kFormat) {
    return at_file(file, ErrorKind::kVersion,
                   "its format is '" + metadata["format"] + "', this program reads '" + kFormat +
                       "'; train the trial anew");
  }
  if (digest(*tensors, metadata) != metadata["sha256"]) {
    return at_file(file, ErrorKind::kCorrupt,
                   "its SHA-256 does not match its content: the file is damaged; use an older one");
  }
  if (metadata["trial_key"] != trial_key(member.trial())) {
    return at_file(file, ErrorKind::kInvalidArgument,
                   "it belongs to another trial (key " + metadata["trial_key"].substr(0, 8) + ")");
  }
  const auto json = nlohmann::json::parse(metadata["history"], nullptr, false);
  Status status = read_history(json, *tensors, history);
  if (status) status = restore(*tensors, std::stoll(metadata["step"]), member);
  if (!status) return at_file(file, status.error().kind, status.error().message);
  return {};
}

std::vector<std::filesystem::path> checkpoints_beside(const std::filesystem::path& file) {
  return newest_first(file.parent_path());
}

}  // namespace plateau::trainer
