// The functions that a base's config.json may name as "hidden_act" or "activation_function".
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace plateau {

enum class ActivationCurve {
  kNone,
  kGelu,       // x Phi(x) (Hendrycks and Gimpel 2016, arXiv 1606.08415)
  kGeluTanh,   // their approximation with a hyperbolic tangent
  kQuickGelu,  // and the one with a logistic curve: x logistic(1.702 x)
  kRelu,       // max(x, 0), whose derivative at 0 is 0
  kSilu,       // x logistic(x)
  kTanh
};

// By transformers' name (ACT2FN), several of which may be one function; nullopt: one that is not
// computed.
std::optional<ActivationCurve> curve_named(const std::string& name);

// All names that are.
std::vector<std::string> curve_names();

}  // namespace plateau
