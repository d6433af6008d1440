// Settings of a base's config.json that change what it computes, and which of their values are
// computed. One table for whoever plans and for the trainer: what passes here, it can compute.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

// `config`: an object. kInvalidArgument: a setting of its architecture that is not computed as it
// is; names it, its value and those that are supported. What is absent or null passes, as does
// another architecture.
Status check_settings(const nlohmann::json& config, const std::string& where);

// The same of the Llama family's rotary positions alone.
Status check_rope(const nlohmann::json& config, const std::string& where);

// The object on them: transformers 5 writes one, rope_parameters, for what were rope_theta and
// rope_scaling. Null: there is none.
nlohmann::json rope_scaling(const nlohmann::json& config);

// How it scales, "linear" for one; "default" where it is null, and its text where it does not say.
std::string rope_kind(const nlohmann::json& scaling);

}  // namespace plateau
