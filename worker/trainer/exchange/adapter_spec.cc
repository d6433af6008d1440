#include "worker/trainer/exchange/adapter_spec.h"

#include <array>
#include <optional>

#include "common/base/text.h"
#include "common/spec/methods.h"
#include "worker/trainer/adapters/peft_files.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;

const Json& field(const Json& config, const char* name) {
  static const Json kNone;
  const auto found = config.find(name);
  return found == config.end() ? kNone : *found;
}

Error unsupported(const Json& config, const char* name) {
  return invalid_argument(std::string("adapter_config.json sets ") + name + " to " +
                          config.at(name).dump() + ", which this trainer does not support");
}

Status refuse_unsupported(const Json& config) {
  for (const char* name : {"lora_bias", "use_qalora", "use_bdlora"}) {
    if (field(config, name) == true) return unsupported(config, name);
  }
  for (const char* name : {"layer_replication", "target_parameters", "trainable_token_indices",
                           "alora_invocation_tokens"}) {
    const Json& value = field(config, name);
    if (!value.is_null() && !value.empty()) return unsupported(config, name);
  }
  if (field(config, "bias").is_string() && field(config, "bias") != "none")
    return unsupported(config, "bias");
  return {};
}

AdapterSpec lora(const Json& config, const TensorMap& tensors) {
  Json parameters = {{"rank", field(config, "r")},
                     {"alpha", field(config, "lora_alpha")},
                     {"rslora", field(config, "use_rslora") == true},
                     {"target_modules", modules_with(tensors, ".lora_A.weight")}};
  if (field(config, "lora_dropout").is_number()) parameters["dropout"] = config["lora_dropout"];
  for (const char* name : {"rank_pattern", "alpha_pattern"}) {
    if (field(config, name).is_object() && !config[name].empty()) parameters[name] = config[name];
  }
  return {field(config, "use_dora") == true ? "dora" : "lora", parameters};
}

AdapterSpec ia3(const Json& config, const TensorMap& tensors) {
  Json parameters = {{"target_modules", modules_with(tensors, ".ia3_l")}};
  const Json& feedforward = field(config, "feedforward_modules");
  parameters["feedforward_modules"] = feedforward.is_null() ? Json::array() : feedforward;
  return {"ia3", parameters};
}

AdapterSpec prompt(const Json& config, const TensorMap&) {
  return {"prompt", {{"tokens", field(config, "num_virtual_tokens")}}};
}

AdapterSpec prefix(const Json& config, const TensorMap&) {
  return {"prefix", {{"tokens", field(config, "num_virtual_tokens")}}};
}

AdapterSpec loreft(const Json& config, const TensorMap&) {
  Json parameters = {{"rank", field(config, "r")}};
  for (const char* name : {"dropout", "positions", "layers", "share_weights"})
    parameters[name] = field(config, name);
  if (field(config, "pad_first") == true) parameters["pad_first"] = true;
  const Json& method = field(config, "method");
  return {method.is_string() ? method.get<std::string>() : "loreft", parameters};
}

// Methods whose configuration is the trial's own parameters.
AdapterSpec own(const Json& config, const TensorMap&) {
  const Json& name = field(config, "method");
  AdapterSpec spec{name.is_string() ? name.get<std::string>() : "", Json::object()};
  const MethodSchema* schema = find_method(spec.method);
  if (schema == nullptr) return spec;
  for (const ParameterSchema& parameter : schema->parameters) {
    if (config.contains(parameter.name)) spec.parameters[parameter.name] = config[parameter.name];
  }
  return spec;
}

struct Type {
  const char* peft_type;
  AdapterSpec (*read)(const Json& config, const TensorMap& tensors);
};

// One line a kind of file.
constexpr std::array kTypes = {
    Type{"LORA", lora},
    Type{"IA3", ia3},
    Type{"PROMPT_TUNING", prompt},
    Type{"PREFIX_TUNING", prefix},
    Type{"LOREFT", loreft},
    Type{"BOTTLENECK", own},
    Type{"SELECTIVE", own},
};

Result<AdapterSpec> read_type(const std::string& peft_type, const Json& config,
                              const TensorMap& tensors) {
  std::vector<std::string> known;
  for (const Type& type : kTypes) {
    if (peft_type == type.peft_type) return type.read(config, tensors);
    known.emplace_back(type.peft_type);
  }
  return invalid_argument("adapter_config.json has the peft_type '" + peft_type +
                          "', which is not supported; supported: " + join(known, ", "));
}

}  // namespace

Result<AdapterSpec> adapter_spec(const Json& config, const TensorMap& tensors) {
  if (!config.is_object() || !field(config, "peft_type").is_string()) {
    return corrupt("adapter_config.json is no JSON object with a \"peft_type\"");
  }
  if (Status status = refuse_unsupported(config); !status) return status.error();
  auto spec = read_type(config["peft_type"], config, tensors);
  if (!spec) return spec.error();
  const MethodSchema* schema = find_method(spec->method);
  if (schema == nullptr) {
    return invalid_argument(
        "adapter_config.json holds the method '" + spec->method +
        "', which this trainer does not know; known: " + join(method_names(), ", "));
  }
  auto resolved = resolve_method_parameters(*schema, spec->parameters);
  if (!resolved) {
    return Error{resolved.error().kind, "adapter_config.json: " + resolved.error().message};
  }
  return AdapterSpec{spec->method, *resolved};
}

}  // namespace plateau::trainer
