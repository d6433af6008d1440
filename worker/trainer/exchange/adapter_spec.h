// Which method an adapter's folder holds, read out of the folder alone.
#pragma once

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/spec/trial.h"
#include "worker/trainer/model/tensors.h"

namespace plateau::trainer {

// From adapter_config.json, as Hugging Face PEFT or this trainer wrote it, and the names of the
// tensors beside it (without "base_model.model."). Which modules are adapted follows from the
// tensors: they are what PEFT matched, layer ranges and exclusions included. Keys that are not
// known are ignored, as PEFT does; kInvalidArgument names an option that would change the numbers
// and that is not supported, or a peft_type that is not. kCorrupt: no such configuration.
Result<AdapterSpec> adapter_spec(const nlohmann::json& config, const TensorMap& tensors);

}  // namespace plateau::trainer
