// GPT-2 (Radford et al. 2019) as Hugging Face's GPT2Model computes it.
#pragma once

#include <memory>

#include <nlohmann/json.hpp>

#include "worker/trainer/model/model.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {

// Errors as in load_model.
Result<std::shared_ptr<const Model>> load_gpt2(const nlohmann::json& config,
                                               const std::string& where,
                                               std::shared_ptr<const WeightSource> weights,
                                               const LoadOptions& options);

}  // namespace plateau::trainer
