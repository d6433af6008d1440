#include "worker/trainer/adapters/peft_files.h"

#include "common/base/file.h"

namespace plateau::trainer {
namespace {

constexpr char kWeights[] = "adapter_model.safetensors";
constexpr char kPickle[] = "adapter_model.bin";  // of PEFT before 0.7
constexpr char kConfig[] = "adapter_config.json";

std::string without_prefix(const std::string& name) {
  for (const std::string_view prefix : {"base_model.model.", "base_model."}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

Status save_adapter(const std::filesystem::path& folder, const Adapter& adapter, const Head& head,
                    const std::string& base_name) {
  if (Status status = make_folder(folder); !status) return status;
  nlohmann::json config = adapter.config();
  config["base_model_name_or_path"] = base_name;
  const bool has_head = !head.trained().empty();
  config["task_type"] = has_head ? "SEQ_CLS" : "CAUSAL_LM";
  config["modules_to_save"] = nullptr;
  if (has_head) config["modules_to_save"] = {"classifier", "score"};
  config["inference_mode"] = true;
  config["revision"] = nullptr;
  config["auto_mapping"] = nullptr;
  TensorMap tensors;
  const FilePrefixes prefixes = adapter.file_prefixes();
  for (const auto& [name, tensor] : adapter.exported())
    tensors[prefixes.adapter + name] = tensor;
  for (const TrainedTensor& tensor : head.trained())
    tensors[prefixes.head + tensor.name] = tensor.value.detach();
  if (Status status = write_tensors(folder / kWeights, tensors, {{"format", "pt"}}); !status)
    return status;
  return write_file_atomically(folder / kConfig, config.dump(2) + "\n");
}

std::vector<std::string> modules_with(const TensorMap& tensors, const std::string& ending) {
  std::vector<std::string> modules;
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(ending)) modules.push_back(name.substr(0, name.size() - ending.size()));
  }
  return modules;
}

Result<TensorMap> read_adapter_tensors(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / kWeights) && std::filesystem::exists(folder / kPickle)) {
    return invalid_argument((folder / kPickle).string() +
                            " is a pickle, which is a program and is not run; save it again as "
                            "safetensors: PeftModel.from_pretrained(base, folder)" +
                            ".save_pretrained(folder)");
  }
  auto read = read_tensors(folder / kWeights);
  if (!read) return read.error();
  TensorMap tensors;
  for (const auto& [name, tensor] : *read)
    tensors[without_prefix(name)] = tensor;
  return tensors;
}

Status load_adapter(const std::filesystem::path& folder, Adapter& adapter, Head& head) {
  auto tensors = read_adapter_tensors(folder);
  if (!tensors) return tensors.error();
  Status status = adapter.import(*tensors);
  for (const TrainedTensor& tensor : head.trained()) {
    if (status) status = copy_into(*tensors, tensor.name, tensor.value);
  }
  if (status) return {};
  return Error{status.error().kind, (folder / kWeights).string() + ": " + status.error().message};
}

}  // namespace plateau::trainer
