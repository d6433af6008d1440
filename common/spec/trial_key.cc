#include "common/base/sha256.h"
#include "common/spec/methods.h"
#include "common/spec/trial_keys.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// What never enters a key: where files lie and what they are called, and what changes only speed.
void drop_what_changes_no_number(Json& json) {
  for (const char* section : {"base", "task"}) {
    for (const char* field : {"path", "source", "name"})
      json[section].erase(field);
  }
  json.erase("micro_batch_size");
  json.erase("checkpoint_every_s");
}

void drop_equal(Json& json, const Json& defaults) {
  for (auto it = json.begin(); it != json.end();) {
    if (defaults.contains(it.key()) && defaults[it.key()] == *it) {
      it = json.erase(it);
    } else {
      if (it->is_object() && defaults.contains(it.key()) && defaults[it.key()].is_object()) {
        drop_equal(*it, defaults[it.key()]);
      }
      ++it;
    }
  }
}

void drop_default_parameters(Json& adapter) {
  const MethodSchema* method = find_method(adapter.at("method").get<std::string>());
  if (method == nullptr) return;
  Json& parameters = adapter["parameters"];
  for (const ParameterSchema& parameter : method->parameters) {
    const auto found = parameters.find(parameter.name);
    if (found != parameters.end() && !parameter.default_value.is_null() &&
        *found == parameter.default_value) {
      parameters.erase(found);
    }
  }
}

// A baseline's numbers depend on the data alone: not on the optimizer, the seed or the schedule.
void drop_training_of_baselines(Json& json, const Trial& trial) {
  const MethodSchema* method = find_method(trial.adapter.method);
  if (method == nullptr || !method->is_baseline) return;
  json.erase("optimizer");
  json.erase("seed");
}

// What the key is a hash of, the seed included.
Json key_json(const Trial& trial) {
  Json json = to_json(trial);
  drop_what_changes_no_number(json);
  drop_training_of_baselines(json, trial);
  drop_default_parameters(json["adapter"]);
  static const Json defaults = [] {
    Json all = to_json(Trial{});
    all.erase("adapter");
    all.erase("format");
    all.erase("seed");
    return all;
  }();
  drop_equal(json, defaults);
  return json;
}

}  // namespace

TrialKeys trial_keys(const Trial& trial) {
  Json json = key_json(trial);
  TrialKeys keys;
  keys.trial = sha256_hex(json.dump());
  json.erase("seed");
  keys.cell = sha256_hex(json.dump());
  return keys;
}
std::string trial_key(const Trial& trial) {
  return sha256_hex(key_json(trial).dump());
}
std::string cell_key(const Trial& trial) {
  return trial_keys(trial).cell;
}

}  // namespace plateau
