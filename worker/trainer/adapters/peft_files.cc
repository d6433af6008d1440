#include "worker/trainer/adapters/peft_files.h"

#include "common/base/file.h"

namespace plateau::trainer {
namespace {

constexpr char kPrefix[] = "base_model.model.";
constexpr char kWeights[] = "adapter_model.safetensors";
constexpr char kConfig[] = "adapter_config.json";

}  // namespace

Status save_adapter(const std::filesystem::path& folder, const Adapter& adapter, const Head& head,
                    const std::string& base_name) {
  if (Status status = make_folder(folder); !status) return status;
  nlohmann::json config = adapter.config();
  config["base_model_name_or_path"] = base_name;
  config["task_type"] = "SEQ_CLS";
  config["modules_to_save"] = {"classifier", "score"};
  config["inference_mode"] = true;
  config["revision"] = nullptr;
  config["auto_mapping"] = nullptr;
  TensorMap tensors;
  for (const auto& [name, tensor] : adapter.exported())
    tensors[kPrefix + name] = tensor;
  for (const TrainedTensor& tensor : head.trained())
    tensors[kPrefix + tensor.name] = tensor.value.detach();
  if (Status status = write_tensors(folder / kWeights, tensors, {{"format", "pt"}}); !status)
    return status;
  return write_file_atomically(folder / kConfig, config.dump(2) + "\n");
}

Status load_adapter(const std::filesystem::path& folder, Adapter& adapter, Head& head) {
  auto read = read_tensors(folder / kWeights);
  if (!read) return read.error();
  TensorMap tensors;
  for (const auto& [name, tensor] : *read)
    tensors[name.starts_with(kPrefix) ? name.substr(sizeof(kPrefix) - 1) : name] = tensor;
  Status status = adapter.import(tensors);
  for (const TrainedTensor& tensor : head.trained()) {
    if (status) status = copy_into(tensors, tensor.name, tensor.value);
  }
  if (status) return {};
  return Error{status.error().kind, (folder / kWeights).string() + ": " + status.error().message};
}

}  // namespace plateau::trainer
