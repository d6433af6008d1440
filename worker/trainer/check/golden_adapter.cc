#include <cmath>
#include <regex>

#include "common/base/file.h"
#include "common/spec/methods.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/check/golden_case.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// adapter_config.json of the initial weights; null where the case stores none.
Json stored_config(const GoldenCase& golden) {
  const auto text = read_file(golden.start / "adapter_config.json");
  if (!text) return nullptr;
  Json json = Json::parse(*text, nullptr, false);
  return json.is_object() ? json : Json();
}

const Json& field(const Json& object, const char* name) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

// The full names that result.json gives, else those of the initial weights, else what the adapter's
// own file says. That comes last: PEFT keeps names there that other options (layers_to_transform,
// exclude_modules, a head below modules_to_save) leave out.
Result<Json> targets_of(const GoldenCase& golden, const Json& config, const std::string& ending) {
  const auto names_some = [](const Json& targets) {
    return targets.is_string() || (targets.is_array() && !targets.empty());
  };
  for (const Json& targets :
       {field(field(golden.result, "info"), "targets"), field(golden.result, "targets")}) {
    if (names_some(targets)) return targets;
  }
  const auto initial = golden_initial(golden);
  if (!initial) return initial.error();
  for (const Json& targets :
       {Json(modules_with(*initial, ending)), field(config, "target_modules")}) {
    if (names_some(targets)) return targets;
  }
  return corrupt(golden.folder.string() +
                 ": neither result.json nor adapter_config.json names the targets");
}

// Options of LoraConfig that would change the numbers and that this trainer does not have.
Status refuse_unknown_options(const GoldenCase& golden, const Json& config) {
  const auto refuse = [&](const char* name) {
    return invalid_argument(golden.name() + ": adapter_config.json sets " + name + " to " +
                            config.at(name).dump() + ", which this trainer does not support");
  };
  for (const char* name : {"lora_bias", "use_qalora", "use_bdlora"}) {
    if (field(config, name) == true) return refuse(name);
  }
  for (const char* name : {"layer_replication", "target_parameters", "trainable_token_indices"}) {
    const Json& value = field(config, name);
    if (!value.is_null() && !value.empty()) return refuse(name);
  }
  if (field(config, "bias").is_string() && field(config, "bias") != "none") return refuse("bias");
  return {};
}

double number_or(const Json& value, const Json& other) {
  return value.is_number() ? value.get<double>() : other.get<double>();
}

Result<AdapterSpec> lora_of(const GoldenCase& golden) {
  const Json config = stored_config(golden);
  if (Status status = refuse_unknown_options(golden, config); !status) return status.error();
  auto targets = targets_of(golden, config, ".lora_A.weight");
  if (!targets) return targets.error();
  const Json& result = golden.result;
  const Json& rank = field(config, "r").is_number() ? field(config, "r") : field(result, "r");
  if (!rank.is_number_integer() || rank.get<std::int64_t>() < 1) {
    return corrupt(golden.folder.string() + ": \"r\" must be a whole number from 1");
  }
  if (!field(config, "lora_alpha").is_number() && !field(result, "alpha").is_number()) {
    return corrupt(golden.folder.string() + ": \"alpha\" must be a number");
  }
  const double alpha = number_or(field(config, "lora_alpha"), field(result, "alpha"));
  bool rslora = field(config, "use_rslora") == true || golden.family == "rslora";
  if (!config.is_object() && field(result, "scaling").is_number()) {
    const double plain = alpha / rank.get<double>();
    rslora = std::abs(result["scaling"].get<double>() - plain) > 1e-9 * plain;
  }
  const bool dora = field(config, "use_dora") == true || golden.family == "dora";
  Json parameters = {
      {"rank", rank}, {"alpha", alpha}, {"rslora", rslora}, {"target_modules", *targets}};
  for (const char* name : {"rank_pattern", "alpha_pattern"}) {
    const Json& pattern = field(config, name);
    if (pattern.is_object() && !pattern.empty()) parameters[name] = pattern;
  }
  return AdapterSpec{dora ? "dora" : "lora", parameters};
}

Result<AdapterSpec> loreft_of(const GoldenCase& golden) {
  const Json& info = field(golden.result, "info");
  for (const char* name : {"rank", "positions", "layers", "share_weights"}) {
    if (field(info, name).is_null()) {
      return corrupt((golden.folder / "result.json").string() + ": \"info\" has no \"" + name +
                     "\", which a LoReFT case needs");
    }
  }
  return AdapterSpec{"loreft",
                     {{"rank", info["rank"]},
                      {"positions", info["positions"]},
                      {"layers", info["layers"]},
                      {"share_weights", info["share_weights"]}}};
}

Result<AdapterSpec> ia3_of(const GoldenCase& golden) {
  const Json config = stored_config(golden);
  auto targets = targets_of(golden, config, ".ia3_l");
  if (!targets) return targets.error();
  Json parameters = {{"target_modules", *targets}};
  const Json& feed_forward = field(config, "feedforward_modules");
  if (!feed_forward.is_null()) parameters["feedforward_modules"] = feed_forward;
  return AdapterSpec{"ia3", parameters};
}

// A number of a bottleneck's configuration: "reduction_factor 16" in result.json or its own file.
double bottleneck_number(const GoldenCase& golden, const Json& config, const char* name,
                         double fallback) {
  if (field(config, name).is_number()) return config[name].get<double>();
  const Json& text = field(field(golden.result, "info"), "config");
  std::smatch match;
  const std::string words = text.is_string() ? text.get<std::string>() : "";
  if (!std::regex_search(words, match, std::regex(std::string(name) + " ([0-9.]+)")))
    return fallback;
  return std::stod(match[1]);
}

Result<AdapterSpec> bottleneck_of(const GoldenCase& golden, std::int64_t hidden) {
  const Json file = stored_config(golden);
  const Json& config = field(file, "config");
  const double factor = bottleneck_number(golden, config, "reduction_factor", 16.0);
  const Json& shape = field(config, "non_linearity");
  const std::string activation = shape.is_string() ? shape.get<std::string>() : "swish";
  const auto width = static_cast<std::int64_t>(std::floor(static_cast<double>(hidden) / factor));
  return AdapterSpec{golden.family,
                     {{"rank", std::max<std::int64_t>(1, width)},
                      {"activation", activation},
                      {"scaling", bottleneck_number(golden, config, "scaling", 1.0)}}};
}

Result<AdapterSpec> soft_prompt_of(const GoldenCase& golden) {
  const Json config = stored_config(golden);
  const Json& tokens = field(config, "num_virtual_tokens");
  if (!tokens.is_number_integer()) {
    return corrupt((golden.start / "adapter_config.json").string() +
                   ": \"num_virtual_tokens\" must be a whole number");
  }
  return AdapterSpec{golden.family, {{"tokens", tokens}}};
}

Result<AdapterSpec> given_parameters(const GoldenCase& golden, std::int64_t hidden) {
  const std::string& family = golden.family;
  if (family == "lora" || family == "rslora" || family == "dora" || family == "qlora" ||
      family == "qdora") {
    return lora_of(golden);
  }
  if (family == "loreft") return loreft_of(golden);
  if (family == "ia3") return ia3_of(golden);
  if (family == "houlsby" || family == "pfeiffer") return bottleneck_of(golden, hidden);
  if (family == "prompt" || family == "prefix") return soft_prompt_of(golden);
  return AdapterSpec{family, Json::object()};
}

}  // namespace

Result<AdapterSpec> golden_adapter(const GoldenCase& golden, std::int64_t hidden) {
  auto given = given_parameters(golden, hidden);
  if (!given) return given.error();
  const MethodSchema* schema = find_method(given->method);
  if (schema == nullptr || schema->is_baseline) {
    return invalid_argument(golden.name() + ": the family '" + golden.family +
                            "' is none of this trainer's methods");
  }
  auto parameters = resolve_method_parameters(*schema, given->parameters);
  if (!parameters) {
    return Error{parameters.error().kind, golden.name() + ": " + parameters.error().message};
  }
  return AdapterSpec{given->method, *parameters};
}

}  // namespace plateau::trainer
