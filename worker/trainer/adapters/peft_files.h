// An adapter as files: adapter_config.json and adapter_model.safetensors, as Hugging Face PEFT
// writes them. LoReFT, which PEFT does not have, uses the same two files with peft_type "LOREFT".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/trainer/adapters/adapter.h"
#include "worker/trainer/adapters/head.h"

namespace plateau::trainer {

// Writes both files atomically into the folder, which is made if needed. kIo.
Status save_adapter(const std::filesystem::path& folder, const Adapter& adapter, const Head& head,
                    const std::string& base_name);

// The modules that own a tensor whose name ends in `ending` (".lora_A.weight"): what an adapter
// sits on, whatever its configuration says.
std::vector<std::string> modules_with(const TensorMap& tensors, const std::string& ending);

// The tensors of a folder by the names that Adapter::import and Head::trained use, whoever wrote
// it. kNotFound, kCorrupt; kInvalidArgument: only a pickle is there, which is never read.
Result<TensorMap> read_adapter_tensors(const std::filesystem::path& folder);

// Reads the weights back into an adapter of the same method and shape, and its head. kNotFound,
// kCorrupt.
Status load_adapter(const std::filesystem::path& folder, Adapter& adapter, Head& head);

}  // namespace plateau::trainer
