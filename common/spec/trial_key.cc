#include "common/spec/methods.h"
#include "common/spec/trial_parts.h"
#include "common/spec/trial_texts.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// As many of a kind are remembered; a sweep has thousands at most that take turns.
constexpr std::size_t kPartsMax = 4096;

void drop_equal(Json& json, const Json& defaults) {
  for (auto it = json.begin(); it != json.end();) {
    const auto found = defaults.find(it.key());
    it = found != defaults.end() && *found == *it ? json.erase(it) : std::next(it);
  }
}

// What never enters a key: where files lie and what they are called.
template <typename Part>
std::string source_in_key(Json json) {
  static const Json defaults = part_json(Part{});
  for (const char* field : {"path", "source", "name"})
    json.erase(field);
  drop_equal(json, defaults);
  return json.dump();
}

std::string key_text(const BaseSpec&, const Json& json) {
  return source_in_key<BaseSpec>(json);
}
std::string key_text(const TaskSpec&, const Json& json) {
  return source_in_key<TaskSpec>(json);
}
// The others are left out as a whole when all is as by default.
template <typename Part>
std::string key_text(const Part&, Json json) {
  static const Json defaults = part_json(Part{});
  drop_equal(json, defaults);
  return json.empty() ? "" : json.dump();
}

void drop_default_parameters(const std::string& name, Json& parameters) {
  const MethodSchema* method = find_method(name);
  if (method == nullptr) return;
  for (const ParameterSchema& parameter : method->parameters) {
    const auto found = parameters.find(parameter.name);
    if (found != parameters.end() && !parameter.default_value.is_null() &&
        *found == parameter.default_value) {
      parameters.erase(found);
    }
  }
}

std::string adapter_json(const std::string& method, const Json& parameters) {
  return R"({"method":)" + Json(method).dump() + R"(,"parameters":)" + parameters.dump() + "}";
}

// A baseline's numbers depend on the data alone: not on the optimizer, the seed or the schedule.
bool is_baseline(const Trial& trial) {
  const MethodSchema* method = find_method(trial.adapter.method);
  return method != nullptr && method->is_baseline;
}

}  // namespace

template <typename Part>
const TrialTexts::Text& TrialTexts::text_of(Known<Part>& known, const Part& part) {
  if (known.last != nullptr && known.last->first == part) return known.last->second;
  if (known.all.size() >= kPartsMax) known.all.clear();
  const auto [at, is_new] = known.all.try_emplace(part);
  if (is_new) {
    const Json json = part_json(part);
    at->second = {json.dump(), key_text(part, json)};
  }
  known.last = &*at;
  return at->second;
}

const TrialTexts::Text& TrialTexts::text_of(const AdapterSpec& adapter) {
  if (adapters_.size() >= kPartsMax) adapters_.clear();
  std::string json = adapter_json(adapter.method, adapter.parameters);
  Text& text = adapters_[json];
  if (text.json.empty()) {
    Json parameters = adapter.parameters;
    drop_default_parameters(adapter.method, parameters);
    text = {std::move(json), adapter_json(adapter.method, parameters)};
  }
  return text;
}

// Members in the order of their names, as nlohmann's objects write them.
TrialPieces TrialTexts::pieces(const Trial& trial) {
  std::string settings = R"(,"checkpoint_every_s":)" + std::to_string(trial.checkpoint_every_s);
  settings += R"(,"format":")" + std::string(kTrialFormat) + '"';
  settings += R"(,"micro_batch_size":)" + std::to_string(trial.micro_batch_size);
  settings += R"(,"optimizer":)" + text_of(optimizers_, trial.optimizer).json;
  settings += R"(,"protocol":)" + text_of(protocols_, trial.protocol).json;
  settings += R"(,"recompute_activations":)";
  settings += trial.recompute_activations ? "true" : "false";
  return {R"({"adapter":)" + text_of(trial.adapter).json,
          R"(,"base":)" + text_of(bases_, trial.base).json, std::move(settings),
          R"(,"seed":)" + std::to_string(trial.seed),
          R"(,"task":)" + text_of(tasks_, trial.task).json + "}"};
}

std::string TrialTexts::json(const Trial& trial) {
  std::string text;
  for (const std::string& piece : pieces(trial))
    text += piece;
  return text;
}

// A hash of the JSON without what changes no number: paths, names and what changes only speed. The
// cell's is the same without the seed, so what stands before the seed is hashed once for both.
TrialKeys TrialTexts::keys(const Trial& trial) {
  const bool baseline = is_baseline(trial);
  std::string head = R"({"adapter":)";
  head += text_of(trial.adapter).key;
  head += R"(,"base":)" + text_of(bases_, trial.base).key;
  head += R"(,"format":")" + std::string(kTrialFormat) + '"';
  const std::string& optimizer = text_of(optimizers_, trial.optimizer).key;
  if (!baseline && !optimizer.empty()) head += R"(,"optimizer":)" + optimizer;
  const std::string& protocol = text_of(protocols_, trial.protocol).key;
  if (!protocol.empty()) head += R"(,"protocol":)" + protocol;
  const std::string task = R"(,"task":)" + text_of(tasks_, trial.task).key + "}";

  Sha256 cell;
  cell.update(head.data(), head.size());
  Sha256 with_seed = cell;
  if (!baseline) {
    const std::string seed = R"(,"seed":)" + std::to_string(trial.seed);
    with_seed.update(seed.data(), seed.size());
  }
  with_seed.update(task.data(), task.size());
  cell.update(task.data(), task.size());
  return {with_seed.digest(), cell.digest()};
}

TrialKeys trial_keys(const Trial& trial) {
  return TrialTexts().keys(trial);
}
std::string trial_key(const Trial& trial) {
  return hex_of(trial_keys(trial).trial);
}
std::string cell_key(const Trial& trial) {
  return hex_of(trial_keys(trial).cell);
}

}  // namespace plateau
