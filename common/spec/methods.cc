#include "common/spec/methods.h"

#include <algorithm>

#include "common/base/text.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

ParameterSchema rank() {
  return {"rank", ParameterType::kInteger, nullptr, 1, 65536, {}, "rank of the update"};
}
ParameterSchema dropout(std::string meaning) {
  return {"dropout", ParameterType::kNumber, 0.0, 0.0, 0.99, {}, std::move(meaning)};
}

std::vector<ParameterSchema> lora_parameters() {
  return {
      rank(),
      {"alpha",
       ParameterType::kNumber,
       nullptr,
       1e-9,
       1e9,
       {},
       "the update is scaled by alpha/rank (alpha/sqrt(rank) with rslora); 2 * rank when left out"},
      dropout("on the input of the adapter branch"),
      {"target_modules",
       ParameterType::kModules,
       "all-linear",
       {},
       {},
       {},
       "all-linear, or a list of module names or suffixes"},
      {"rslora", ParameterType::kBoolean, false, {}, {}, {}, "scale by alpha/sqrt(rank)"},
  };
}

std::vector<ParameterSchema> loreft_parameters() {
  return {
      rank(),
      dropout("on the whole intervened hidden state"),
      {"positions",
       ParameterType::kString,
       "f1+l1",
       {},
       {},
       {},
       "fN+lM: the first N and the last M tokens of the prompt"},
      {"layers",
       ParameterType::kLayers,
       "all",
       {},
       {},
       {},
       "all, or a list of layer numbers from 0"},
      {"share_weights",
       ParameterType::kBoolean,
       false,
       {},
       {},
       {},
       "one intervention a layer for both position sets"},
  };
}

std::vector<MethodSchema> make_schemas() {
  return {
      {"lora", "LoRA", "Hu et al. 2021, arXiv 2106.09685", false, lora_parameters()},
      {"dora", "DoRA", "Liu et al. 2024, arXiv 2402.09353", false, lora_parameters()},
      {"loreft", "LoReFT", "Wu et al. 2024, arXiv 2404.03592", false, loreft_parameters()},
      {"majority", "Majority class", "the most frequent class of the training split", true, {}},
      {"probe",
       "Linear probe",
       "frozen base, logistic regression on its pooled features",
       true,
       {{"l2", ParameterType::kNumber, 1e-3, 0.0, 1e6, {}, "weight of the L2 penalty"}}},
  };
}

Error wrong(const MethodSchema& method, const ParameterSchema& parameter, const Json& found,
            const std::string& allowed) {
  return invalid_argument(method.name + "." + parameter.name + " is " + found.dump() +
                          "; allowed is " + allowed + " (" + parameter.meaning + ")");
}

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

Status check_number(const MethodSchema& method, const ParameterSchema& parameter,
                    const Json& value) {
  const bool integer = parameter.type == ParameterType::kInteger;
  const bool right_type = integer ? value.is_number_integer() : value.is_number();
  const double number = right_type ? value.get<double>() : 0.0;
  if (!right_type || (parameter.minimum && number < *parameter.minimum) ||
      (parameter.maximum && number > *parameter.maximum)) {
    return wrong(method, parameter, value,
                 (integer ? "a whole number" : "a number") + limits(parameter));
  }
  return {};
}

Status check_value(const MethodSchema& method, const ParameterSchema& parameter,
                   const Json& value) {
  switch (parameter.type) {
    case ParameterType::kInteger:
    case ParameterType::kNumber:
      return check_number(method, parameter, value);
    case ParameterType::kBoolean:
      if (!value.is_boolean()) return wrong(method, parameter, value, "true or false");
      return {};
    case ParameterType::kString:
      if (!value.is_string()) return wrong(method, parameter, value, "a text");
      return {};
    case ParameterType::kChoice:
      if (!value.is_string() || std::find(parameter.choices.begin(), parameter.choices.end(),
                                          value.get<std::string>()) == parameter.choices.end()) {
        return wrong(method, parameter, value, join(parameter.choices, ", "));
      }
      return {};
    case ParameterType::kModules:
      if (!value.is_string() && !is_list_of_strings(value)) {
        return wrong(method, parameter, value, "all-linear or a list of module names");
      }
      return {};
    case ParameterType::kLayers:
      if (value != "all" && !is_list_of_layers(value)) {
        return wrong(method, parameter, value, "all or a list of layer numbers from 0");
      }
      return {};
  }
  return internal_error("a parameter type without a check");
}

}  // namespace

const ParameterSchema* MethodSchema::find(std::string_view parameter) const {
  for (const ParameterSchema& schema : parameters) {
    if (schema.name == parameter) return &schema;
  }
  return nullptr;
}

const std::vector<MethodSchema>& method_schemas() {
  static const std::vector<MethodSchema> schemas = make_schemas();
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
    if (Status status = check_value(method, *parameter, value); !status) return status.error();
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
    // One spelling of a number: 8 and 8.0 must give the same key.
    if (parameter.type == ParameterType::kNumber) {
      resolved[parameter.name] = resolved[parameter.name].get<double>();
    }
  }
  return resolved;
}

}  // namespace plateau
