#include "common/spec/lora_modules.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <regex>

#include "common/spec/targets.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// The first ".<number>." of a name: 3 of "bert.encoder.layer.3.output.dense".
std::optional<std::int64_t> layer_of(const std::string& name) {
  static const std::regex kLayer(R"(\.(\d{1,9})\.)");
  std::smatch match;
  if (!std::regex_search(name, match, kLayer)) return {};
  return std::stoll(match[1]);
}

bool is_within(const Json& layers, const std::string& name) {
  if (!layers.is_array()) return true;
  const auto layer = layer_of(name);
  return layer && std::find(layers.begin(), layers.end(), Json(*layer)) != layers.end();
}

struct Rule {
  std::regex expression;
  double value = 0.0;
};

Result<std::vector<Rule>> read_rules(const Json& parameters, const char* name) {
  std::vector<Rule> rules;
  const Json pattern = parameters.value(name, Json::object());
  for (const auto& [text, value] : pattern.items()) {
    try {
      rules.push_back({std::regex("(.*\\.)?(" + text + ")"), value.get<double>()});
    } catch (const std::regex_error&) {
      return invalid_argument(std::string(name) + ": '" + text +
                              "' is no regular expression; give a module's name or the end of it");
    }
  }
  return rules;
}

double value_of(const std::vector<Rule>& rules, const std::string& name, double otherwise) {
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& candidate) {
    return std::regex_match(name, candidate.expression);
  });
  return rule == rules.end() ? otherwise : rule->value;
}

}  // namespace

double LoraModule::scale(bool rslora) const {
  const auto r = static_cast<double>(rank);
  return alpha / (rslora ? std::sqrt(r) : r);
}

Result<std::vector<LoraModule>> match_lora(const std::vector<std::string>& names,
                                           const Json& parameters, const std::string& model_type) {
  const auto matched = match_modules(names, parameters.at("target_modules"), model_type);
  if (!matched) return matched.error();
  auto ranks = read_rules(parameters, "rank_pattern");
  if (!ranks) return ranks.error();
  auto alphas = read_rules(parameters, "alpha_pattern");
  if (!alphas) return alphas.error();
  const Json layers = parameters.value("layers", Json("all"));
  std::vector<LoraModule> modules;
  for (const std::size_t i : *matched) {
    if (!is_within(layers, names[i])) continue;
    const double rank = value_of(*ranks, names[i], parameters.at("rank").get<double>());
    const double alpha = value_of(*alphas, names[i], parameters.at("alpha").get<double>());
    modules.push_back({i, static_cast<std::int64_t>(rank), alpha});
  }
  if (modules.empty()) {
    return invalid_argument("no target module lies in the layers " + layers.dump() +
                            "; layers are counted from 0");
  }
  return modules;
}

}  // namespace plateau
