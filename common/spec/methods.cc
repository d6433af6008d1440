#include "common/spec/methods.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/spec/method_table.h"
#include "common/spec/targets.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

std::string limits(const ParameterSchema& parameter) {
  std::string text;
  if (parameter.minimum) text += " from " + format_number(*parameter.minimum);
  if (parameter.maximum) text += " to " + format_number(*parameter.maximum);
  return text;
}

bool is_list_of_strings(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
}

bool is_list_of_layers(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) {
           return item.is_number_integer() && item.get<std::int64_t>() >= 0;
         });
}

// "query=16 layer.1=4" as {"query": 16, "layer.1": 4}; an object as it is;
// null: neither.
Json pattern_of(const Json& value) {
  if (value.is_object()) return value;
  if (!value.is_string()) return nullptr;
  Json pattern = Json::object();
  for (const std::string& part : split(value.get<std::string>(), ' ')) {
    if (part.empty()) continue;
    const std::size_t sign = part.rfind('=');
    if (sign == std::string::npos || sign == 0) return nullptr;
    const Json number = Json::parse(part.substr(sign + 1), nullptr, false);
    if (!number.is_number()) return nullptr;
    pattern[part.substr(0, sign)] = number;
  }
  return pattern;
}

bool in_limits(const ParameterSchema& parameter, double number) {
  return (!parameter.minimum || number >= *parameter.minimum) &&
         (!parameter.maximum || number <= *parameter.maximum);
}

bool is_pattern(const ParameterSchema& parameter, const Json& value) {
  const Json pattern = pattern_of(value);
  return pattern.is_object() &&
         std::all_of(pattern.begin(), pattern.end(), [&](const Json& number) {
           return number.is_number() && in_limits(parameter, number.get<double>()) &&
                  (parameter.name != "rank_pattern" || number.is_number_integer());
         });
}

std::vector<Json> sorted_without_repeats(const Json& list) {
  std::vector<Json> items(list.begin(), list.end());
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

// One spelling for one meaning: 8 and 8.0, [b, a] and [a, b] must give the same
// key.
void normalise(const ParameterSchema& parameter, Json& value) {
  if (parameter.type == ParameterType::kNumber) value = value.get<double>();
  if (parameter.type == ParameterType::kModules && value.is_string() &&
      is_module_name(value.get<std::string>())) {
    value = Json::array({value});
  }
  if (value.is_array()) value = sorted_without_repeats(value);
  if (parameter.type == ParameterType::kPattern) {
    value = pattern_of(value);
    for (Json& number : value) {
      if (parameter.name != "rank_pattern") number = number.get<double>();
    }
  }
}

}  // namespace

bool ParameterSchema::accepts(const Json& value) const {
  switch (type) {
    case ParameterType::kInteger:
      return value.is_number_integer() && in_limits(*this, value.get<double>());
    case ParameterType::kNumber:
      return value.is_number() && in_limits(*this, value.get<double>());
    case ParameterType::kBoolean:
      return value.is_boolean();
    case ParameterType::kString:
      return value.is_string() &&
             (name != "positions" || parse_positions(value.get<std::string>()).ok());
    case ParameterType::kChoice:
      return value.is_string() &&
             std::find(choices.begin(), choices.end(), value.get<std::string>()) != choices.end();
    case ParameterType::kModules:
      return (value.is_string() && value != "") || is_list_of_strings(value) ||
             (name == "feedforward_modules" && value.is_array() && value.empty());
    case ParameterType::kLayers:
      return value == "all" || is_list_of_layers(value);
    case ParameterType::kPattern:
      return is_pattern(*this, value);
  }
  return false;
}

std::string ParameterSchema::allowed() const {
  switch (type) {
    case ParameterType::kInteger:
      return "a whole number" + limits(*this);
    case ParameterType::kNumber:
      return "a number" + limits(*this);
    case ParameterType::kBoolean:
      return "true or false";
    case ParameterType::kString:
      return name == "positions" ? "fN+lM, fN or lM with whole numbers from 1" : "a text";
    case ParameterType::kChoice:
      return join(choices, ", ");
    case ParameterType::kModules:
      return "all-linear or a list of module names";
    case ParameterType::kLayers:
      return "all or a list of layer numbers from 0";
    case ParameterType::kPattern:
      return "NAME=NUMBER NAME=NUMBER ..., or an object, each a number" + limits(*this);
  }
  return "";
}

Result<Positions> parse_positions(const std::string& text) {
  Positions positions;
  for (const std::string& part : split(text, '+')) {
    const bool digits =
        part.size() >= 2 && part.size() <= 7 && part[1] != '0' &&
        std::all_of(part.begin() + 1, part.end(), [](char c) { return c >= '0' && c <= '9'; });
    std::int64_t* side = part.empty()     ? nullptr
                         : part[0] == 'f' ? &positions.first
                         : part[0] == 'l' ? &positions.last
                                          : nullptr;
    if (!digits || side == nullptr || *side != 0) {
      return invalid_argument("positions is '" + text +
                              "'; allowed is fN+lM, fN or lM with whole numbers from 1");
    }
    *side = std::stoll(part.substr(1));
  }
  return positions;
}

const ParameterSchema* MethodSchema::find(std::string_view parameter) const {
  for (const ParameterSchema& schema : parameters) {
    if (schema.name == parameter) return &schema;
  }
  return nullptr;
}

const std::vector<MethodSchema>& method_schemas() {
  static const std::vector<MethodSchema> schemas = make_method_table();
  return schemas;
}

const MethodSchema* find_method(std::string_view name) {
  for (const MethodSchema& schema : method_schemas()) {
    if (schema.name == name) return &schema;
  }
  return nullptr;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const MethodSchema& schema : method_schemas())
    names.push_back(schema.name);
  return names;
}

bool answers_by_likelihood(const std::string& method, const nlohmann::json& parameters) {
  return method == "none" && !parameters.value("template", std::string()).empty();
}

Result<Json> resolve_method_parameters(const MethodSchema& method, const Json& given) {
  for (const auto& [name, value] : given.items()) {
    const ParameterSchema* parameter = method.find(name);
    if (parameter == nullptr) {
      std::vector<std::string> known;
      for (const ParameterSchema& schema : method.parameters)
        known.push_back(schema.name);
      const auto near = nearest(name, known);
      return invalid_argument(method.name + " has no parameter '" + name + "'" +
                              (near ? "; did you mean '" + *near + "'?" : "") +
                              " It has: " + (known.empty() ? "none" : join(known, ", ")) + ".");
    }
    if (!parameter->accepts(value)) {
      return invalid_argument(method.name + "." + name + " is " + value.dump() + "; allowed is " +
                              parameter->allowed() + " (" + parameter->meaning + ")");
    }
  }
  Json resolved = Json::object();
  for (const ParameterSchema& parameter : method.parameters) {
    if (given.contains(parameter.name)) {
      resolved[parameter.name] = given[parameter.name];
    } else if (parameter.name == "alpha") {
      resolved["alpha"] = 2 * resolved.at("rank").get<std::int64_t>();
    } else if (parameter.default_value.is_null()) {
      return invalid_argument(method.name + " needs '" + parameter.name + "' (" +
                              parameter.meaning + ")");
    } else {
      resolved[parameter.name] = parameter.default_value;
    }
    normalise(parameter, resolved[parameter.name]);
    if (parameter.is_optional && resolved[parameter.name] == parameter.default_value)
      resolved.erase(parameter.name);
  }
  return resolved;
}

}  // namespace plateau
