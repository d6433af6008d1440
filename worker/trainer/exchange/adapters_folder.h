// Bottleneck adapters in the format of the library `adapters` 1.3.0: adapter_config.json and
// adapter.safetensors, with head_config.json and model_head.safetensors beside them.
// https://github.com/adapter-hub/adapters
#pragma once

#include <filesystem>

#include "worker/trainer/exchange/trained.h"

namespace plateau::trainer {

// Whether `folder` holds an adapter_config.json of that library.
bool is_adapters_folder(const std::filesystem::path& folder);

// Reads such a folder; tensors by the names that Adapter::import and Head::trained use. A folder
// without a head gets the base's own, as everywhere. kNotFound; kCorrupt; kInvalidArgument: an
// adapter that is neither Houlsby's nor Pfeiffer's, with parts that this trainer does not have, or
// kept in a pickle.
Result<AdapterFiles> read_adapters_folder(const std::filesystem::path& folder, const Model& model);

// Its load_adapter(FOLDER, use_safetensors=True) takes what this writes. A head goes along where
// transformers has a class for it; behind mean pooling it has none, and the library then takes the
// weights without asking. kInvalidArgument: another method. kIo.
Status save_adapters_folder(const std::filesystem::path& out, const Trained& trained,
                            const Model& model);

}  // namespace plateau::trainer
