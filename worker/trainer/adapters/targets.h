// Which linear layers a method adapts, by the one rule of common/spec/targets.h.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/spec/targets.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {

std::vector<std::string> site_names(const std::vector<LinearSite>& sites);

// Indices into the model's linears(), ascending. Errors as in match_modules().
Result<std::vector<std::size_t>> match_targets(const Model& model,
                                               const nlohmann::json& target_modules);

// Whether the checkpoint holds its matrices as [in, out]: PEFT's fan_in_fan_out.
bool is_transposed(const Model& model);

}  // namespace plateau::trainer
