#include "worker/trainer/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "common/base/check.h"
#include "common/spec/base_settings.h"

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Json = nlohmann::json;

std::optional<double> number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number() || found->get<double>() <= 0.0) return {};
  return found->get<double>();
}

Error missing(const std::string& where, const char* key) {
  return corrupt(where + ": rope_scaling needs \"" + key + "\" as a number above 0");
}

Result<at::Tensor> scaled_as_llama3(const at::Tensor& plain, const Json& scaling,
                                    const std::string& where) {
  const char* names[] = {"factor", "low_freq_factor", "high_freq_factor",
                         "original_max_position_embeddings"};
  double values[4] = {};
  for (int i = 0; i < 4; ++i) {
    const auto value = number_in(scaling, names[i]);
    if (!value) return missing(where, names[i]);
    values[i] = *value;
  }
  const auto [factor, low, high, original] = values;
  const at::Tensor wavelength = 2.0 * std::numbers::pi / plain;
  const at::Tensor smooth = (original / wavelength - low) / (high - low);
  const at::Tensor between = (1.0 - smooth) * plain / factor + smooth * plain;
  const at::Tensor slow = at::where(wavelength > original / low, plain / factor, between);
  return at::where(wavelength < original / high, plain, slow);
}

double rope_theta(const Json& config) {
  const Json scaling = rope_scaling(config);
  const auto inside = scaling.is_object() ? number_in(scaling, "rope_theta") : std::nullopt;
  return inside ? *inside : number_in(config, "rope_theta").value_or(10000.0);
}

// The context that the base was trained on before its positions were stretched.
std::optional<double> original_context(const Json& scaling, const Json& config) {
  for (const Json* place : {&scaling, &config}) {
    if (const auto found = number_in(*place, "original_max_position_embeddings")) return found;
  }
  return number_in(config, "max_position_embeddings");
}

// A divisor for each frequency.
Result<at::Tensor> scaled_as_longrope(const at::Tensor& plain, const Json& scaling,
                                      const std::string& where) {
  const auto factors = scaling.find("short_factor");
  const auto count = static_cast<std::size_t>(plain.numel());
  if (factors == scaling.end() || !factors->is_array() || factors->size() != count) {
    return corrupt(where + ": rope_scaling needs a \"short_factor\" of " + std::to_string(count) +
                   " numbers");
  }
  return plain / at::tensor(factors->get<std::vector<float>>());
}

double longrope_magnitude(const Json& scaling, const Json& config) {
  const double original = original_context(scaling, config).value_or(1.0);
  const double factor =
      number_in(scaling, "factor")
          .value_or(number_in(config, "max_position_embeddings").value_or(1.0) / original);
  return factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
}

// The pair of dimensions that turns `turns` times over the original context (a fraction of one).
double pair_that_turns(double turns, double dimensions, double theta, double original) {
  return dimensions * std::log(original / (turns * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(theta));
}

// Fast pairs stay, slow ones are divided by the factor, those between are blended.
Result<at::Tensor> scaled_as_yarn(const at::Tensor& plain, double theta, const Json& scaling,
                                  const Json& config, const std::string& where) {
  const auto factor = number_in(scaling, "factor");
  if (!factor) return missing(where, "factor");
  const auto original = original_context(scaling, config);
  if (!original) return missing(where, "original_max_position_embeddings");
  const double fast = number_in(scaling, "beta_fast").value_or(32.0);
  const double slow = number_in(scaling, "beta_slow").value_or(1.0);
  const auto width = static_cast<double>(2 * plain.numel());
  const bool whole = scaling.value("truncate", Json(true)) != false;
  double low = pair_that_turns(fast, width, theta, *original);
  double high = pair_that_turns(slow, width, theta, *original);
  low = std::max(whole ? std::floor(low) : low, 0.0);
  high = std::min(whole ? std::ceil(high) : high, width - 1.0);
  if (low == high) high += 0.001;
  const at::Tensor pairs = at::arange(plain.numel(), at::kLong).to(at::kFloat);
  const at::Tensor ramp = ((pairs - low) / (high - low)).clamp(0, 1);
  return plain / *factor * ramp + plain * (1.0 - ramp);
}

// Turns the heads in x's first columns, in place, by the angle times `direction`.
void turn(const at::Tensor& x, std::int64_t columns, const Rotation2d& rotation, double direction) {
  const std::int64_t half = rotation.cosines.size(1) / 2;
  const at::Tensor halves = x.narrow(1, 0, columns).unflatten(1, {-1, 2, half});  // a view
  const at::Tensor first = halves.select(2, 0), second = halves.select(2, 1);
  const at::Tensor cosines = rotation.cosines.narrow(1, 0, half).unsqueeze(1);
  const at::Tensor sines = rotation.sines.narrow(1, 0, half).unsqueeze(1);
  const at::Tensor across = first * sines;
  first.mul_(cosines).addcmul_(second, sines, -direction);
  second.mul_(cosines).add_(across, direction);
}

class RotateFront : public torch::autograd::Function<RotateFront> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::int64_t columns,
                            const at::Tensor& cosines, const at::Tensor& sines) {
    context->save_for_backward({cosines, sines});
    context->saved_data["columns"] = columns;
    at::Tensor y = x.clone();
    turn(y, columns, {cosines, sines}, 1.0);
    return y;
  }

  // A turn keeps lengths, so its transpose turns back (a magnitude scales both alike).
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor gradient = gradients[0].clone();
    turn(gradient, context->saved_data["columns"].toInt(), {saved[0], saved[1]}, -1.0);
    return {gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

double rotary_magnitude(const Json& config) {
  const Json scaling = rope_scaling(config);
  const std::string kind = rope_kind(scaling);
  if (kind != "yarn" && kind != "longrope") return 1.0;
  if (const auto given = number_in(scaling, "attention_factor")) return *given;
  if (kind == "longrope") return longrope_magnitude(scaling, config);
  const double factor = number_in(scaling, "factor").value_or(1.0);
  return factor <= 1.0 ? 1.0 : 0.1 * std::log(factor) + 1.0;
}

std::optional<std::int64_t> rotary_longest(const Json& config) {
  const Json scaling = rope_scaling(config);
  if (rope_kind(scaling) != "longrope") return {};
  if (scaling.value("long_factor", Json()) == scaling.value("short_factor", Json())) return {};
  const auto original = original_context(scaling, config);
  if (!original) return {};
  return static_cast<std::int64_t>(*original);
}

Result<at::Tensor> rotary_frequencies(const Json& config, const std::string& where,
                                      std::int64_t head_width) {
  if (Status status = check_rope(config, where); !status) return status.error();
  const double theta = rope_theta(config);
  const at::Tensor exponents =
      at::arange(0, head_width, 2, at::kLong).to(at::kFloat) / static_cast<double>(head_width);
  const at::Tensor plain = 1.0 / at::pow(theta, exponents);
  const Json scaling = rope_scaling(config);
  const std::string kind = rope_kind(scaling);
  if (kind == "llama3") return scaled_as_llama3(plain, scaling, where);
  if (kind == "yarn") return scaled_as_yarn(plain, theta, scaling, config, where);
  if (kind == "longrope") return scaled_as_longrope(plain, scaling, where);
  if (kind == "linear") {
    const auto factor = number_in(scaling, "factor");
    if (!factor) return missing(where, "factor");
    return plain / *factor;
  }
  PLATEAU_CHECK(kind == "default" || kind == "dynamic", kind);
  return plain;
}

Rotation2d rotation_at(const at::Tensor& positions, const at::Tensor& frequencies,
                       at::ScalarType dtype, double magnitude) {
  const at::Tensor angles = at::outer(positions.to(at::kFloat), frequencies.to(positions.device()));
  const at::Tensor both = at::cat({angles, angles}, 1);
  if (magnitude == 1.0) return {both.cos().to(dtype), both.sin().to(dtype)};
  return {(both.cos() * magnitude).to(dtype), (both.sin() * magnitude).to(dtype)};
}

at::Tensor rotate_front(const at::Tensor& x, std::int64_t columns, const Rotation2d& rotation) {
  return RotateFront::apply(x, columns, rotation.cosines, rotation.sines);
}

}  // namespace plateau::trainer
