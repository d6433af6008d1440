// Which modules LoRA and DoRA adapt, at which rank and scale, by Hugging Face
// PEFT's rules. One rule for the counts that `plateau plan` prints and for the
// trainer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

struct LoraModule {
  std::size_t module = 0;  // index into the names
  std::int64_t rank = 0;
  double alpha = 0.0;

  // What the update is multiplied with: alpha / rank, or alpha / sqrt(rank)
  // with rsLoRA.
  double scale(bool rslora) const;
};

// `names` are the modules' full names in the model's order, `parameters` a
// trial's resolved ones: `target_modules` (targets.h) within `layers`, and
// `rank` and `alpha` unless `rank_pattern` or `alpha_pattern` has an expression
// for the name. A pattern's keys are regular expressions over the end of a
// name, tried in alphabetical order (PEFT sorts them in its files); the first
// one counts. kInvalidArgument: as match_modules(), a pattern that is no
// expression, layers without a target.
Result<std::vector<LoraModule>> match_lora(const std::vector<std::string>& names,
                                           const nlohmann::json& parameters,
                                           const std::string& model_type);

}  // namespace plateau
