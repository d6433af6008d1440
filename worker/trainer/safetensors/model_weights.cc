#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

// tensor name -> file name beside the index
Result<std::map<std::string, std::string>> read_index(const std::filesystem::path& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  const json index = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object()) {
    return corrupt(path.string() +
                   " is no index of shards: it needs an object \"weight_map\" from "
                   "tensor names to file names. Fetch it again.");
  }
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    // A plain name only: an index must not lead out of its folder.
    if (!file.is_string() || file.get<std::string>().empty() ||
        std::filesystem::path(file.get<std::string>()).filename() != file.get<std::string>()) {
      return corrupt(path.string() + ": tensor \"" + tensor +
                     "\" must be mapped to the name of a file in the same folder.");
    }
    files.emplace(tensor, file.get<std::string>());
  }
  return files;
}

}  // namespace

Result<ModelWeights> ModelWeights::open(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  ModelWeights weights;
  weights.name_ = path.string();
  const fs::path single = fs::is_directory(path, ignored) ? path / kSingleFile : path;
  const fs::path index = path / kIndexFile;
  if (fs::exists(single, ignored) || !fs::is_directory(path, ignored)) {
    Result<SafetensorsFile> file = SafetensorsFile::open(single);
    if (!file) return file.error();
    weights.tensors_ = file->tensors();
    weights.keep_alive_ = file->keep_alive();
    return weights;
  }
  if (!fs::exists(index, ignored)) {
    return not_found("The model folder " + path.string() + " has neither " + kSingleFile + " nor " +
                     kIndexFile +
                     ". Name a folder in Hugging Face format with safetensors weights.");
  }

  Result<std::map<std::string, std::string>> files = read_index(index);
  if (!files) return files.error();
  std::map<std::string, SafetensorsFile> shards;
  auto mappings = std::make_shared<std::vector<std::shared_ptr<const void>>>();
  for (const auto& [tensor, file_name] : *files) {
    if (!shards.contains(file_name)) {
      Result<SafetensorsFile> shard = SafetensorsFile::open(path / file_name);
      if (!shard) return shard.error();
      mappings->push_back(shard->keep_alive());
      shards.emplace(file_name, std::move(*shard));
    }
    const TensorView* view = shards.at(file_name).find(tensor);
    if (view == nullptr) {
      return corrupt(index.string() + " says that tensor \"" + tensor + "\" is in " + file_name +
                     ", but that shard lacks it. Fetch the shards and their index again.");
    }
    weights.tensors_.emplace(tensor, *view);
  }
  weights.keep_alive_ = std::move(mappings);
  return weights;
}

std::vector<std::string> ModelWeights::names() const {
  std::vector<std::string> names;
  for (const auto& [name, view] : tensors_)
    names.push_back(name);
  return names;
}

const TensorView* ModelWeights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<TensorView> ModelWeights::get(const std::string& name) const {
  if (const TensorView* view = find(name); view != nullptr) return *view;
  const std::optional<std::string> close = nearest(name, names());
  return not_found("The weights in " + name_ + " have no tensor \"" + name + "\"" +
                   (close ? " (nearest: \"" + *close + "\")" : "") +
                   ". Check that config.json and the weights belong to the same model.");
}

}  // namespace plateau::trainer
