#include "common/spec/base_settings.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/text.h"
#include "common/spec/activations.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

struct Setting {
  std::string key;
  std::vector<Json> supported;
};

struct Family {
  std::vector<Setting> settings;
  bool is_rotary = false;
};

Setting activation(const char* key) {
  const std::vector<std::string> names = curve_names();
  return {key, {names.begin(), names.end()}};
}

Setting whole_heads_turn() {
  return {"partial_rotary_factor", {1.0}};
}

// One line a setting. What is computed whatever it is, as epsilons are, does not stand here.
const Family* family_of(const std::string& model_type) {
  static const Family kEncoder = {{activation("hidden_act"),
                                   {"position_embedding_type", {"absolute"}},
                                   {"is_decoder", {false}},
                                   {"add_cross_attention", {false}}}};
  static const Family kGpt2 = {{activation("activation_function"),  //
                                {"add_cross_attention", {false}}}};
  static const Family kLlama = {{activation("hidden_act"), whole_heads_turn()}, true};
  static const std::map<std::string, const Family*> kFamilies = {
      {"bert", &kEncoder}, {"roberta", &kEncoder}, {"gpt2", &kGpt2},
      {"llama", &kLlama},  {"mistral", &kLlama},   {"qwen2", &kLlama}};
  const auto found = kFamilies.find(model_type);
  return found == kFamilies.end() ? nullptr : found->second;
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Status check(const Json& config, const Setting& setting, const std::string& where) {
  const Json value = config.value(setting.key, Json());
  const auto& supported = setting.supported;
  if (value.is_null() || std::find(supported.begin(), supported.end(), value) != supported.end())
    return {};
  std::vector<std::string> names;
  for (const Json& each : supported)
    names.push_back(plain(each));
  return invalid_argument(where + ": " + setting.key + " " + value.dump() +
                          " is not supported; supported: " + join(names, ", "));
}

}  // namespace

Json rope_scaling(const Json& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto found = config.find(key);
    if (found != config.end() && !found->is_null()) return *found;
  }
  return nullptr;
}

std::string rope_kind(const Json& scaling) {
  if (scaling.is_null()) return "default";
  for (const char* key : {"rope_type", "type"}) {
    if (scaling.is_object() && scaling.contains(key) && scaling[key].is_string())
      return scaling[key];
  }
  return scaling.dump();
}

Status check_rope(const Json& config, const std::string& where) {
  static const std::vector<std::string> kKinds = {"default", "linear",   "dynamic",
                                                  "llama3",  "longrope", "yarn"};
  const Json scaling = rope_scaling(config);
  if (scaling.is_object()) {
    if (Status status = check(scaling, whole_heads_turn(), where); !status) return status;
  }
  const std::string kind = rope_kind(scaling);
  if (std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end()) return {};
  return invalid_argument(where + ": rope_scaling '" + kind +
                          "' is not supported; supported: " + join(kKinds, ", "));
}

Status check_settings(const Json& config, const std::string& where) {
  const Family* family = family_of(plain(config.value("model_type", Json())));
  if (family == nullptr) return {};
  for (const Setting& setting : family->settings) {
    if (Status status = check(config, setting, where); !status) return status;
  }
  return family->is_rotary ? check_rope(config, where) : Status();
}

}  // namespace plateau
