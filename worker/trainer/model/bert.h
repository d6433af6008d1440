// BERT (Devlin et al. 2019, arXiv 1810.04805) and RoBERTa (Liu et al. 2019, arXiv 1907.11692), as
// Hugging Face's BertModel and RobertaModel compute them.
#pragma once

#include <memory>

#include <nlohmann/json.hpp>

#include "worker/trainer/model/model.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {

// Errors as in load_model.
Result<std::shared_ptr<const Model>> load_bert(const nlohmann::json& config,
                                               const std::string& where,
                                               std::shared_ptr<const WeightSource> weights,
                                               const LoadOptions& options);

Result<std::shared_ptr<const Model>> load_roberta(const nlohmann::json& config,
                                                  const std::string& where,
                                                  std::shared_ptr<const WeightSource> weights,
                                                  const LoadOptions& options);

}  // namespace plateau::trainer
