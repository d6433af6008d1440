#include "common/spec/parameters.h"

#include <algorithm>
#include <map>

#include "common/spec/base_tensors.h"
#include "common/spec/lora_modules.h"
#include "common/spec/methods.h"
#include "common/spec/targets.h"
#include "common/spec/task_kinds.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

bool is_language_model(const Trial& trial) {
  return trial.task.kind == kCausalLm ||
         answers_by_likelihood(trial.adapter.method, trial.adapter.parameters);
}

std::int64_t head_outputs(const Trial& trial) {
  if (is_language_model(trial)) return 0;  // the base's own output embeddings
  if (trial.task.kind == "regression") return 1;
  return static_cast<std::int64_t>(trial.task.labels.size());
}

// The classifier that transformers puts on the architecture; a linear one on a mean.
std::int64_t head_parameters(const BaseFacts& facts, const Trial& trial) {
  const std::int64_t outputs = head_outputs(trial), h = facts.hidden;
  if (outputs == 0) return 0;
  if (trial.base.pooling == "cls" && !facts.is_encoder()) return outputs * h;
  const bool has_dense = trial.base.pooling == "cls" && facts.model_type == "roberta";
  return outputs * (h + 1) + (has_dense ? h * (h + 1) : 0);
}

std::vector<BaseTensor> tensors_of(const BaseFacts& facts, const Trial& trial) {
  std::vector<BaseTensor> tensors = base_tensors(facts, trial.base.pooling);
  if (is_language_model(trial) && !facts.ties_output)
    tensors.push_back({"lm_head.weight", facts.vocabulary * facts.hidden, 0, 0});
  return tensors;
}

std::int64_t base_parameters(const BaseFacts& facts, const Trial& trial) {
  std::int64_t count = 0;
  for (const BaseTensor& tensor : tensors_of(facts, trial))
    count += tensor.elements;
  return count;
}

std::int64_t or_hidden(std::int64_t width, const BaseFacts& facts) {
  return width == 0 ? facts.hidden : width;
}

// Elements of the matrices that every token is multiplied with.
std::int64_t matrix_elements(const BaseFacts& facts, const Trial& trial) {
  const std::int64_t attention =
      facts.hidden * 2 * (or_hidden(facts.query_width, facts) + or_hidden(facts.key_width, facts));
  const bool is_gated = !facts.is_encoder() && facts.model_type != "gpt2";
  const std::int64_t output = is_language_model(trial) ? facts.vocabulary * facts.hidden : 0;
  return facts.layers * (attention + (is_gated ? 3 : 2) * facts.hidden * facts.intermediate) +
         output;
}

bool is_module_method(const std::string& method) {
  return method == "lora" || method == "qlora" || method == "dora";
}

std::vector<std::string> names_of(const std::vector<LinearModule>& modules) {
  std::vector<std::string> names;
  for (const LinearModule& module : modules)
    names.push_back(module.name);
  return names;
}

Result<std::int64_t> count_ia3(const BaseFacts& facts, const Trial& trial) {
  const std::vector<LinearModule> all = linear_modules(facts, trial.base.pooling);
  const auto targets = match_ia3(names_of(all), trial.adapter.parameters, facts.model_type);
  if (!targets) return targets.error();
  std::int64_t count = 0;
  for (const Ia3Target& target : *targets)
    count += target.is_feedforward ? all[target.module].in : all[target.module].out;
  return count;
}

// Two a block, each down and up with biases; Pfeiffer's has the second alone.
Result<std::int64_t> count_bottlenecks(const BaseFacts& facts, const Trial& trial) {
  const auto width = trial.adapter.parameters.at("rank").get<std::int64_t>();
  const std::int64_t each = 2 * width * facts.hidden + width + facts.hidden;
  return facts.layers * (trial.adapter.method == "houlsby" ? 2 : 1) * each;
}

Result<std::int64_t> count_prompt(const BaseFacts& facts, const Trial& trial) {
  return trial.adapter.parameters.at("tokens").get<std::int64_t>() * facts.hidden;
}

// Keys and values at every layer.
Result<std::int64_t> count_prefix(const BaseFacts& facts, const Trial& trial) {
  return trial.adapter.parameters.at("tokens").get<std::int64_t>() * facts.layers * 2 *
         or_hidden(facts.key_width, facts);
}

Result<std::int64_t> count_selected(const BaseFacts& facts, const Trial& trial) {
  const Json& parameters = trial.adapter.parameters;
  if (parameters.value("trained_layers", std::int64_t{0}) > facts.layers) {
    return invalid_argument("trained_layers is " + parameters["trained_layers"].dump() +
                            "; the base has " + std::to_string(facts.layers) + " layers");
  }
  std::int64_t count = 0;
  for (const BaseTensor& tensor : tensors_of(facts, trial)) {
    if (trains_tensor(trial.adapter.method, parameters, facts.layers, tensor.name))
      count += tensor.elements;
  }
  return count;
}

Status check_layers(const BaseFacts& facts, const Json& parameters) {
  const Json layers = parameters.value("layers", Json("all"));
  if (!layers.is_array()) return {};
  for (const Json& layer : layers) {
    if (layer.get<std::int64_t>() < facts.layers) continue;
    return invalid_argument("layers has " + layer.dump() + "; the base has layers 0 to " +
                            std::to_string(facts.layers - 1));
  }
  return {};
}

Result<std::int64_t> count_modules(const BaseFacts& facts, const Trial& trial) {
  const Json& parameters = trial.adapter.parameters;
  if (const Status there = check_layers(facts, parameters); !there) return there.error();
  const std::vector<LinearModule> all = linear_modules(facts, trial.base.pooling);
  const auto targets = match_lora(names_of(all), parameters, facts.model_type);
  if (!targets) return targets.error();
  std::int64_t count = 0;
  for (const LoraModule& target : *targets) {
    const LinearModule& module = all[target.module];
    count += target.rank * (module.in + module.out);
    if (trial.adapter.method == "dora") count += module.out;
  }
  return count;
}

Result<std::int64_t> count_loreft(const BaseFacts& facts, const Trial& trial) {
  const Json& parameters = trial.adapter.parameters;
  std::int64_t layers = facts.layers;
  if (const Status there = check_layers(facts, parameters); !there) return there.error();
  if (parameters.at("layers").is_array()) {
    layers = static_cast<std::int64_t>(parameters.at("layers").size());
  }
  Result<Positions> positions = parse_positions(parameters.at("positions").get<std::string>());
  if (!positions) return positions.error();
  const bool both = positions->first > 0 && positions->last > 0;
  const std::int64_t per_layer = both && !parameters.at("share_weights").get<bool>() ? 2 : 1;
  const auto rank = parameters.at("rank").get<std::int64_t>();
  // The rotation, the learned source's weight and its bias.
  return layers * per_layer * (2 * facts.hidden * rank + rank);
}

using Count = Result<std::int64_t> (*)(const BaseFacts& facts, const Trial& trial);

// What a method trains, one line a method; the selective ones share theirs.
Count count_of(const std::string& method) {
  static const std::map<std::string, Count, std::less<>> counts = {
      {"lora", count_modules},  {"qlora", count_modules},       {"dora", count_modules},
      {"loreft", count_loreft}, {"noreft", count_loreft},       {"direft", count_loreft},
      {"ia3", count_ia3},       {"houlsby", count_bottlenecks}, {"pfeiffer", count_bottlenecks},
      {"prompt", count_prompt}, {"prefix", count_prefix},
  };
  const auto found = counts.find(method);
  if (found != counts.end()) return found->second;
  return is_selective(method) ? count_selected : nullptr;
}

}  // namespace

std::vector<LinearModule> linear_modules(const BaseFacts& facts, const std::string& pooling) {
  constexpr std::size_t kSuffix = std::string_view(".weight").size();
  std::vector<LinearModule> modules;
  for (const BaseTensor& tensor : base_tensors(facts, pooling)) {
    if (tensor.out == 0) continue;
    modules.push_back({tensor.name.substr(0, tensor.name.size() - kSuffix), tensor.out, tensor.in});
  }
  return modules;
}

Result<std::vector<LinearModule>> targeted_modules(const BaseFacts& facts,
                                                   const std::string& pooling,
                                                   const Json& target_modules) {
  const std::vector<LinearModule> all = linear_modules(facts, pooling);
  const auto matched = match_modules(names_of(all), target_modules, facts.model_type);
  if (!matched) return matched.error();
  std::vector<LinearModule> modules;
  for (const std::size_t i : *matched)
    modules.push_back(all[i]);
  return modules;
}

Result<ParameterCounts> count_parameters(const BaseFacts& facts, const Trial& trial) {
  ParameterCounts counts;
  counts.base = base_parameters(facts, trial);
  if (trial.adapter.method == "majority") return counts;
  counts.head = head_outputs(trial) * (facts.hidden + 1);
  if (trial.adapter.method == "probe") return counts;
  counts.head = head_parameters(facts, trial);
  const Count count = count_of(trial.adapter.method);
  if (count == nullptr) {
    return invalid_argument("the parameters of the method '" + trial.adapter.method +
                            "' cannot be counted: it is not known");
  }
  const Result<std::int64_t> adapter = count(facts, trial);
  if (!adapter) return adapter.error();
  counts.adapter = *adapter;
  return counts;
}

Result<RankLimit> rank_limit(const BaseFacts& facts, const Trial& trial) {
  if (trial.adapter.method == "houlsby" || trial.adapter.method == "pfeiffer") {
    return RankLimit{65536, "that is the widest bottleneck"};
  }
  if (!is_module_method(trial.adapter.method)) {
    return RankLimit{facts.hidden,
                     "the hidden state has " + std::to_string(facts.hidden) + " dimensions"};
  }
  Result<std::vector<LinearModule>> modules =
      targeted_modules(facts, trial.base.pooling, trial.adapter.parameters.at("target_modules"));
  if (!modules) return modules.error();
  RankLimit limit;
  for (const LinearModule& module : *modules) {
    const std::int64_t smaller = std::min(module.in, module.out);
    if (limit.largest != 0 && smaller >= limit.largest) continue;
    limit.largest = smaller;
    limit.module =
        module.name + " is " + std::to_string(module.out) + " x " + std::to_string(module.in);
  }
  return limit;
}

double training_flops_per_token(const BaseFacts& facts, const Trial& trial) {
  // Forward two operations an element, and two more to carry the gradient
  // through the frozen matrices, whose own gradients are never computed; the
  // adapter's are: six.
  const Result<ParameterCounts> counts = count_parameters(facts, trial);
  const double adapter = counts ? static_cast<double>(counts.value().adapter) : 0.0;
  return 4.0 * static_cast<double>(matrix_elements(facts, trial)) + 6.0 * adapter;
}

double evaluation_flops_per_token(const BaseFacts& facts, const Trial& trial) {
  const Result<ParameterCounts> counts = count_parameters(facts, trial);
  const double adapter = counts ? static_cast<double>(counts.value().adapter) : 0.0;
  return 2.0 * (static_cast<double>(matrix_elements(facts, trial)) + adapter);
}

}  // namespace plateau
