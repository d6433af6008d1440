// The Llama family (Touvron et al. 2023, arXiv 2302.13971): Llama 2 and 3, SmolLM2, Mistral (Jiang
// et al. 2023, arXiv 2310.06825) and Qwen2 (arXiv 2407.10671), as Hugging Face's models compute
// them. A sliding window is not computed: texts longer than it are refused (max_positions).
#pragma once

#include <memory>

#include <nlohmann/json.hpp>

#include "worker/trainer/model/model.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {

// Errors as in load_model.
Result<std::shared_ptr<const Model>> load_llama(const nlohmann::json& config,
                                                const std::string& where,
                                                std::shared_ptr<const WeightSource> weights,
                                                const LoadOptions& options);

}  // namespace plateau::trainer
