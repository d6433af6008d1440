#include "common/spec/activations.h"

#include <array>

namespace plateau {
namespace {

using Curve = ActivationCurve;

struct Name {
  const char* name;
  Curve curve;
};

// gelu_fast has the constant of gelu_new to ten digits, which float32 does not tell apart.
constexpr std::array kNames = {
    Name{"gelu", Curve::kGelu},
    Name{"gelu_python", Curve::kGelu},
    Name{"gelu_new", Curve::kGeluTanh},
    Name{"gelu_pytorch_tanh", Curve::kGeluTanh},
    Name{"gelu_fast", Curve::kGeluTanh},
    Name{"gelu_accurate", Curve::kGeluTanh},
    Name{"quick_gelu", Curve::kQuickGelu},
    Name{"relu", Curve::kRelu},
    Name{"silu", Curve::kSilu},
    Name{"swish", Curve::kSilu},
    Name{"tanh", Curve::kTanh},
};

}  // namespace

std::optional<Curve> curve_named(const std::string& name) {
  for (const Name& known : kNames)
    if (name == known.name) return known.curve;
  return {};
}

std::vector<std::string> curve_names() {
  std::vector<std::string> names;
  for (const Name& known : kNames)
    names.emplace_back(known.name);
  return names;
}

}  // namespace plateau
