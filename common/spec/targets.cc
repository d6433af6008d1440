#include "common/spec/targets.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include "common/base/text.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// PEFT's choices when target_modules is not given.
struct Defaults {
  const char* model_type;
  std::vector<std::string> lora, ia3, ia3_feedforward;
};

const std::vector<Defaults>& defaults() {
  static const std::vector<std::string> llama = {"k_proj", "v_proj", "down_proj"};
  static const std::vector<Defaults> table = {
      {"bert", {"query", "value"}, {"key", "value", "output.dense"}, {"output.dense"}},
      {"roberta", {"query", "value"}, {"key", "value", "output.dense"}, {"output.dense"}},
      {"gpt2", {"c_attn"}, {"c_attn", "mlp.c_proj"}, {"mlp.c_proj"}},
      {"llama", {"q_proj", "v_proj"}, llama, {"down_proj"}},
      {"mistral", {"q_proj", "v_proj"}, llama, {"down_proj"}},
      {"qwen2", {"q_proj", "v_proj"}, llama, {"down_proj"}},
  };
  return table;
}

Result<Defaults> defaults_of(const std::string& model_type) {
  for (const Defaults& row : defaults()) {
    if (model_type == row.model_type) return row;
  }
  return invalid_argument("target_modules is 'default', but there is none for the architecture '" +
                          model_type + "'; name the modules");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_named(const std::string& module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

// The words that users write as targets: "query", and "output.dense" where one word is not enough.
std::vector<std::string> target_words(const std::vector<std::string>& modules) {
  std::vector<std::string> words;
  const auto add = [&](const std::string& word) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  };
  for (const std::string& module : modules) {
    const std::string last = module.substr(module.rfind('.') + 1);
    add(last);
    if (last != "dense") continue;
    const std::size_t digit = module.find_first_of("0123456789");
    const std::size_t start = digit == std::string::npos ? 0 : digit;
    add(module.substr(module.find('.', start) + 1));
  }
  return words;
}

Error no_match(const std::vector<std::string>& modules, const std::string& target) {
  const std::vector<std::string> known = target_words(modules);
  const auto near = nearest(target, known);
  return invalid_argument("target_modules has '" + target + "', which no module of the base is" +
                          " called." + (near ? " Did you mean '" + *near + "'?" : "") +
                          " There are: " + join(known, ", ") + ".");
}

template <typename Wanted>
std::vector<std::size_t> where(const std::vector<std::string>& modules, Wanted&& wanted) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (wanted(modules[i])) found.push_back(i);
  }
  return found;
}

Result<std::vector<std::size_t>> match_expression(const std::vector<std::string>& modules,
                                                  const std::string& expression) {
  try {
    const std::regex pattern(expression);
    auto found =
        where(modules, [&](const std::string& name) { return std::regex_match(name, pattern); });
    if (found.empty()) return no_match(modules, expression);
    return found;
  } catch (const std::regex_error&) {
    return invalid_argument("target_modules: '" + expression +
                            "' is no regular expression; give all-linear or a list of names");
  }
}

Result<std::vector<std::size_t>> match_names(const std::vector<std::string>& modules,
                                             const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    const auto fits = [&](const std::string& name) { return is_named(name, target); };
    if (std::none_of(modules.begin(), modules.end(), fits)) return no_match(modules, target);
  }
  return where(modules, [&](const std::string& name) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const std::string& target) { return is_named(name, target); });
  });
}

bool is_default(const Json& value) {
  return value.is_string() && lower(value.get<std::string>()) == "default";
}

}  // namespace

bool is_module_name(const std::string& text) {
  const std::string word = lower(text);
  if (word == "all-linear" || word == "default") return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

Result<std::vector<std::size_t>> match_modules(const std::vector<std::string>& modules,
                                               const Json& target_modules,
                                               const std::string& model_type) {
  if (is_default(target_modules)) {
    const auto row = defaults_of(model_type);
    if (!row) return row.error();
    return match_names(modules, row->lora);
  }
  if (!target_modules.is_string()) {
    return match_names(modules, target_modules.get<std::vector<std::string>>());
  }
  const std::string text = target_modules;
  if (lower(text) == "all-linear") return where(modules, [](const std::string&) { return true; });
  return match_expression(modules, text);
}

Result<std::vector<Ia3Target>> match_ia3(const std::vector<std::string>& modules,
                                         const Json& parameters, const std::string& model_type) {
  Json targets = parameters.at("target_modules");
  Json feedforward = parameters.at("feedforward_modules");
  if (is_default(targets) || is_default(feedforward)) {
    const auto row = defaults_of(model_type);
    if (!row) return row.error();
    if (is_default(targets)) targets = row->ia3;
    if (is_default(feedforward)) feedforward = row->ia3_feedforward;
  }
  if (feedforward.is_string()) feedforward = Json::array({feedforward});
  const auto matched = match_modules(modules, targets, model_type);
  if (!matched) return matched.error();
  std::vector<Ia3Target> result;
  for (const std::size_t module : *matched) {
    const bool ends = std::any_of(feedforward.begin(), feedforward.end(), [&](const Json& end) {
      return modules[module].ends_with(end.get<std::string>());
    });
    result.push_back({module, ends});
  }
  return result;
}

}  // namespace plateau
