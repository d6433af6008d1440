// Which modules of a base `target_modules` means, by Hugging Face PEFT's rules. One rule for the
// counts that `plateau plan` prints and for the trainer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

// Whether a text under target_modules is a module's name or suffix, and not one of the words
// "default" and "all-linear" (in any case) or a regular expression.
bool is_module_name(const std::string& text);

// The indices, ascending, of the modules (by full name, in the model's order) that
// `target_modules` names:
// - "all-linear": all of them; "default": what PEFT takes for LoRA when nothing is said;
// - a list: names, or suffixes behind a dot ("query", "attention.output.dense");
// - any other text: a regular expression (ECMAScript's) over the full name.
// kInvalidArgument: a name or expression that matches nothing (with the nearest name), an
// expression that is none, no default for this model type.
Result<std::vector<std::size_t>> match_modules(const std::vector<std::string>& modules,
                                               const nlohmann::json& target_modules,
                                               const std::string& model_type);

// IA3's targets and which of them are rescaled at their input. Both by PEFT's rules: the latter by
// the plain end of the name. "default": PEFT's own lists.
struct Ia3Target {
  std::size_t module = 0;
  bool is_feedforward = false;
};
Result<std::vector<Ia3Target>> match_ia3(const std::vector<std::string>& modules,
                                         const nlohmann::json& parameters,
                                         const std::string& model_type);

}  // namespace plateau
