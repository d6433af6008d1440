#include "common/base/sha256.h"
#include "common/spec/methods.h"
#include "common/spec/trial_parts.h"
#include "common/spec/trial_texts.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// As many adapters are remembered; a sweep has thousands at most that take turns.
constexpr std::size_t kAdaptersMax = 4096;

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
const TrialTexts::Text& TrialTexts::text_of(Last<Part>& last, const Part& part) {
  if (!last.part || !same(*last.part, part)) {
    const Json json = part_json(part);
    last = {part, {json.dump(), key_text(part, json)}};
  }
  return last.text;
}

const std::string& TrialTexts::adapter_in_key(const AdapterSpec& adapter) {
  if (adapters_.size() >= kAdaptersMax) adapters_.clear();
  std::string& text = adapters_[adapter_json(adapter.method, adapter.parameters)];
  if (text.empty()) {
    Json parameters = adapter.parameters;
    drop_default_parameters(adapter.method, parameters);
    text = adapter_json(adapter.method, parameters);
  }
  return text;
}

// Members in the order of their names, as nlohmann's objects write them.
TrialPieces TrialTexts::pieces(const Trial& trial) {
  std::string settings = R"(,"checkpoint_every_s":)" + std::to_string(trial.checkpoint_every_s);
  settings += R"(,"format":")" + std::string(kTrialFormat) + '"';
  settings += R"(,"micro_batch_size":)" + std::to_string(trial.micro_batch_size);
  settings += R"(,"optimizer":)" + text_of(optimizer_, trial.optimizer).json;
  settings += R"(,"protocol":)" + text_of(protocol_, trial.protocol).json;
  settings += R"(,"recompute_activations":)";
  settings += trial.recompute_activations ? "true" : "false";
  return {R"({"adapter":)" + adapter_json(trial.adapter.method, trial.adapter.parameters),
          R"(,"base":)" + text_of(base_, trial.base).json, std::move(settings),
          R"(,"seed":)" + std::to_string(trial.seed),
          R"(,"task":)" + text_of(task_, trial.task).json + "}"};
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
  head += adapter_in_key(trial.adapter);
  head += R"(,"base":)" + text_of(base_, trial.base).key;
  head += R"(,"format":")" + std::string(kTrialFormat) + '"';
  const std::string& optimizer = text_of(optimizer_, trial.optimizer).key;
  if (!baseline && !optimizer.empty()) head += R"(,"optimizer":)" + optimizer;
  const std::string& protocol = text_of(protocol_, trial.protocol).key;
  if (!protocol.empty()) head += R"(,"protocol":)" + protocol;
  const std::string task = R"(,"task":)" + text_of(task_, trial.task).key + "}";

  Sha256 cell;
  cell.update(head.data(), head.size());
  Sha256 with_seed = cell;
  if (!baseline) {
    const std::string seed = R"(,"seed":)" + std::to_string(trial.seed);
    with_seed.update(seed.data(), seed.size());
  }
  with_seed.update(task.data(), task.size());
  cell.update(task.data(), task.size());
  return {with_seed.hex(), cell.hex()};
}

TrialKeys trial_keys(const Trial& trial) {
  return TrialTexts().keys(trial);
}
std::string trial_key(const Trial& trial) {
  return TrialTexts().keys(trial).trial;
}
std::string cell_key(const Trial& trial) {
  return TrialTexts().keys(trial).cell;
}

}  // namespace plateau
