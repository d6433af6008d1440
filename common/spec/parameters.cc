#include "common/spec/parameters.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/spec/methods.h"
#include "common/spec/problem.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

std::int64_t head_outputs(const Trial& trial) {
  if (trial.task.kind == "regression") return 1;
  return static_cast<std::int64_t>(trial.task.labels.size());
}

std::int64_t base_parameters(const BaseFacts& facts, const std::string& pooling) {
  const std::int64_t h = facts.hidden, i = facts.intermediate;
  const std::int64_t embeddings =
      (facts.vocabulary + facts.max_positions + facts.token_types) * h + 2 * h;
  const std::int64_t attention = 4 * (h * h + h) + 2 * h;
  const std::int64_t feed_forward = (i * h + i) + (h * i + h) + 2 * h;
  const std::int64_t pooler = pooling == "cls" ? h * h + h : 0;
  return embeddings + facts.layers * (attention + feed_forward) + pooler;
}

// Elements of the matrices that every token is multiplied with.
std::int64_t matrix_elements(const BaseFacts& facts) {
  return facts.layers * (4 * facts.hidden * facts.hidden + 2 * facts.hidden * facts.intermediate);
}

bool is_module_method(const std::string& method) {
  return method == "lora" || method == "dora";
}

bool matches(const std::string& module, const std::string& target) {
  if (module == target) return true;
  return module.size() > target.size() + 1 &&
         module.compare(module.size() - target.size() - 1, std::string::npos, "." + target) == 0;
}

// The words that users write as targets: "query", and "output.dense" where one word is not enough.
std::vector<std::string> target_words(const std::vector<LinearModule>& modules) {
  std::vector<std::string> words;
  const auto add = [&](const std::string& word) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  };
  for (const LinearModule& module : modules) {
    const std::string last = module.name.substr(module.name.rfind('.') + 1);
    add(last);
    if (last != "dense") continue;
    const std::size_t digit = module.name.find_first_of("0123456789");
    const std::size_t start = digit == std::string::npos ? 0 : digit;
    add(module.name.substr(module.name.find('.', start) + 1));
  }
  return words;
}

Result<std::int64_t> count_modules(const BaseFacts& facts, const Trial& trial) {
  const Json& parameters = trial.adapter.parameters;
  Result<std::vector<LinearModule>> modules =
      targeted_modules(facts, trial.base.pooling, parameters.at("target_modules"));
  if (!modules) return modules.error();
  const auto rank = parameters.at("rank").get<std::int64_t>();
  std::int64_t count = 0;
  for (const LinearModule& module : *modules) {
    count += rank * (module.in + module.out);
    if (trial.adapter.method == "dora") count += module.out;
  }
  return count;
}

Result<std::int64_t> count_loreft(const BaseFacts& facts, const Trial& trial) {
  const Json& parameters = trial.adapter.parameters;
  std::int64_t layers = facts.layers;
  if (parameters.at("layers").is_array()) {
    layers = static_cast<std::int64_t>(parameters.at("layers").size());
    for (const Json& layer : parameters.at("layers")) {
      if (layer.get<std::int64_t>() < facts.layers) continue;
      return invalid_argument("layers has " + layer.dump() + "; the base has layers 0 to " +
                              std::to_string(facts.layers - 1));
    }
  }
  Result<Positions> positions = parse_positions(parameters.at("positions").get<std::string>());
  if (!positions) return positions.error();
  const bool both = positions->first > 0 && positions->last > 0;
  const std::int64_t per_layer = both && !parameters.at("share_weights").get<bool>() ? 2 : 1;
  const auto rank = parameters.at("rank").get<std::int64_t>();
  // The rotation, the learned source's weight and its bias.
  return layers * per_layer * (2 * facts.hidden * rank + rank);
}

}  // namespace

Result<BaseFacts> base_facts_from_config(const Json& config, const std::string& where) {
  if (!config.is_object()) return corrupt(where + " is no JSON object");
  const std::string type = config.value("model_type", Json("")).dump();
  if (type != "\"bert\"") {
    return invalid_argument(where + " has model_type " + type +
                            "; supported is \"bert\" (encoders in Hugging Face format)");
  }
  BaseFacts facts;
  facts.model_type = "bert";
  const std::vector<std::pair<const char*, std::int64_t*>> fields = {
      {"num_hidden_layers", &facts.layers},       {"hidden_size", &facts.hidden},
      {"intermediate_size", &facts.intermediate}, {"num_attention_heads", &facts.heads},
      {"vocab_size", &facts.vocabulary},          {"max_position_embeddings", &facts.max_positions},
      {"type_vocab_size", &facts.token_types}};
  for (const auto& [key, target] : fields) {
    const auto found = config.find(key);
    const bool fits = found != config.end() && found->is_number_integer() &&
                      found->get<std::int64_t>() > 0 && found->get<std::int64_t>() <= 1 << 24;
    if (!fits) {
      return corrupt(where + " has " +
                     (found == config.end() ? "no " + std::string(key)
                                            : std::string(key) + " " + found->dump()) +
                     "; a whole number from 1 is needed");
    }
    *target = found->get<std::int64_t>();
  }
  return facts;
}

std::vector<LinearModule> linear_modules(const BaseFacts& facts, const std::string& pooling) {
  const std::int64_t h = facts.hidden, i = facts.intermediate;
  std::vector<LinearModule> modules;
  for (std::int64_t layer = 0; layer < facts.layers; ++layer) {
    const std::string prefix = "bert.encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"query", "key", "value"}) {
      modules.push_back({prefix + "attention.self." + name, h, h});
    }
    modules.push_back({prefix + "attention.output.dense", h, h});
    modules.push_back({prefix + "intermediate.dense", i, h});
    modules.push_back({prefix + "output.dense", h, i});
  }
  if (pooling == "cls") modules.push_back({"bert.pooler.dense", h, h});
  return modules;
}

Result<std::vector<LinearModule>> targeted_modules(const BaseFacts& facts,
                                                   const std::string& pooling,
                                                   const Json& target_modules) {
  std::vector<LinearModule> all = linear_modules(facts, pooling);
  if (target_modules == "all-linear") return all;
  const Json targets = target_modules.is_array() ? target_modules : Json::array({target_modules});
  std::vector<bool> chosen(all.size(), false);
  for (const Json& entry : targets) {
    const auto target = entry.get<std::string>();
    bool any = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!matches(all[i].name, target)) continue;
      chosen[i] = any = true;
    }
    if (any) continue;
    const std::vector<std::string> known = target_words(all);
    return invalid_argument("target_modules has '" + target + "', which no module of the base is" +
                            " called." + did_you_mean(target, known) +
                            " There are: " + join(known, ", ") + ".");
  }
  std::vector<LinearModule> modules;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (chosen[i]) modules.push_back(all[i]);
  }
  return modules;
}

Result<ParameterCounts> count_parameters(const BaseFacts& facts, const Trial& trial) {
  ParameterCounts counts;
  counts.base = base_parameters(facts, trial.base.pooling);
  if (trial.adapter.method == "majority") return counts;
  counts.head = head_outputs(trial) * (facts.hidden + 1);
  if (trial.adapter.method == "probe") return counts;
  Result<std::int64_t> adapter = is_module_method(trial.adapter.method)
                                     ? count_modules(facts, trial)
                                     : count_loreft(facts, trial);
  if (!adapter) return adapter.error();
  counts.adapter = *adapter;
  return counts;
}

Result<RankLimit> rank_limit(const BaseFacts& facts, const Trial& trial) {
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
  // Forward two operations an element, and two more to carry the gradient through the frozen
  // matrices, whose own gradients are never computed; the adapter's are: six.
  const Result<ParameterCounts> counts = count_parameters(facts, trial);
  const double adapter = counts ? static_cast<double>(counts.value().adapter) : 0.0;
  return 4.0 * static_cast<double>(matrix_elements(facts)) + 6.0 * adapter;
}

double evaluation_flops_per_token(const BaseFacts& facts, const Trial& trial) {
  const Result<ParameterCounts> counts = count_parameters(facts, trial);
  const double adapter = counts ? static_cast<double>(counts.value().adapter) : 0.0;
  return 2.0 * (static_cast<double>(matrix_elements(facts)) + adapter);
}

}  // namespace plateau
