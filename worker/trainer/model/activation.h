// The functions that config.json names as "hidden_act" or "activation_function".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/kernels/activations.h"

namespace plateau::trainer {

// By transformers' name (ACT2FN), several of which may be one function; nullopt: one that is not
// computed here.
std::optional<kernels::Curve> curve_named(const std::string& name);

// All names that are.
std::vector<std::string> curve_names();

}  // namespace plateau::trainer
