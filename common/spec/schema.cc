#include "common/spec/schema.h"

#include "common/spec/fields.h"
#include "common/spec/task_kinds.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Json one_of_words(const std::vector<std::string>& words) {
  return {{"enum", words}};
}

Json word_list() {
  return {{"type", "array"}, {"items", {{"type", "string"}}}, {"minItems", 1}};
}

Json names_or_name() {
  return {{"anyOf", Json::array({{{"type", "string"}}, word_list()})}};
}

// What one value of the parameter may be.
Json value_schema(const ParameterSchema& parameter) {
  Json schema;
  switch (parameter.type) {
    case ParameterType::kInteger:
    case ParameterType::kNumber:
      schema["type"] = parameter.type == ParameterType::kInteger ? "integer" : "number";
      if (parameter.minimum) schema["minimum"] = *parameter.minimum;
      if (parameter.maximum) schema["maximum"] = *parameter.maximum;
      break;
    case ParameterType::kBoolean:
      schema["type"] = "boolean";
      break;
    case ParameterType::kChoice:
      return one_of_words(parameter.choices);
    case ParameterType::kString:
      schema["type"] = "string";
      if (parameter.name == "positions")
        schema["pattern"] = "^(f[1-9]\\d*|l[1-9]\\d*)(\\+[fl]\\d+)?$";
      break;
    case ParameterType::kModules:
      return names_or_name();
    case ParameterType::kLayers:
      return {{"anyOf", Json::array({{{"const", "all"}},
                                     {{"type", "array"},
                                      {"items", {{"type", "integer"}, {"minimum", 0}}},
                                      {"minItems", 1}}})}};
    case ParameterType::kPattern:
      return {{"type", "string"}, {"description", "NAME=NUMBER NAME=NUMBER ..."}};
  }
  return schema;
}

bool is_numeric(const ParameterSchema& parameter) {
  return parameter.type == ParameterType::kInteger || parameter.type == ParameterType::kNumber;
}

std::vector<std::string> distribution_names() {
  return {"constant",        "categorical",
          "int_uniform",     "uniform",
          "q_uniform",       "log_uniform",
          "q_log_uniform",   "log_uniform_values",
          "inv_log_uniform", "q_log_uniform_values",
          "normal",          "inv_log_uniform_values",
          "q_normal",        "log_normal",
          "q_log_normal",    "beta",
          "q_beta",          "categorical_w_probabilities"};
}

// A value, a list, or a mapping with value, values or expression, and when.
Json parameter_form(const Json& value, bool numeric, bool list_shorthand) {
  const Json expression = {{"type", "string"},
                           {"description", "an expression such as 2 * rank, or range(5)"}};
  const Json list = {{"type", "array"}, {"items", value}, {"minItems", 1}};
  Json single = Json::array({value});
  if (numeric) single.push_back(expression);
  Json values = Json::array({list});
  if (numeric) values.push_back({{"type", "string"}, {"pattern", "^range\\(.*\\)$"}});
  const Json condition = {{"anyOf", Json::array({{{"type", "string"}}, {{"type", "object"}}})}};
  const Json mapping = {{"type", "object"},
                        {"properties",
                         {{"value", {{"anyOf", single}}},
                          {"values", {{"anyOf", values}}},
                          {"expression", expression},
                          {"when", condition},
                          {"distribution", one_of_words(distribution_names())},
                          {"probabilities", {{"type", "array"}, {"items", {{"type", "number"}}}}},
                          {"min", {{"type", "number"}}},
                          {"max", {{"type", "number"}}},
                          {"mu", {{"type", "number"}}},
                          {"sigma", {{"type", "number"}, {"exclusiveMinimum", 0}}},
                          {"a", {{"type", "number"}, {"exclusiveMinimum", 0}}},
                          {"b", {{"type", "number"}, {"exclusiveMinimum", 0}}},
                          {"q", {{"type", "number"}, {"exclusiveMinimum", 0}}}}},
                        {"additionalProperties", false}};
  Json forms = single;
  if (list_shorthand) forms.push_back(list);
  forms.push_back(mapping);
  return {{"anyOf", forms}};
}

Json parameter_schema_json(const ParameterSchema& parameter) {
  const bool takes_lists =
      parameter.type == ParameterType::kModules || parameter.type == ParameterType::kLayers;
  Json schema = parameter_form(value_schema(parameter), is_numeric(parameter), !takes_lists);
  schema["description"] = parameter.meaning;
  if (!parameter.default_value.is_null()) schema["default"] = parameter.default_value;
  return schema;
}

Json adapter_names() {
  std::vector<std::string> names;
  for (const MethodSchema& method : method_schemas()) {
    if (!method.is_baseline) names.push_back(method.name);
  }
  return one_of_words(names);
}

// A local base or task in place of a name.
Json source_value(const Json& properties) {
  const Json mapping = {{"type", "object"},
                        {"properties", properties},
                        {"required", Json::array({"path"})},
                        {"additionalProperties", false}};
  return {{"anyOf", Json::array({{{"type", "string"}}, mapping})}};
}

Json base_properties() {
  return {{"path", {{"type", "string"}}}, {"name", {{"type", "string"}}}};
}

Json task_properties() {
  Json properties = base_properties();
  properties["labels"] = {{"type", "array"}, {"minItems", 2}};
  properties["metric"] = one_of_words(task_metrics());
  properties["reader"] = one_of_words({"jsonl", "csv", "tsv"});
  properties["kind"] = one_of_words(task_kinds());
  Json columns = Json::object();
  for (const char* role : {"text", "text_pair", "label", "id", "prompt", "completion"})
    columns[role] = {{"type", "string"}};
  properties["columns"] = {
      {"type", "object"}, {"properties", columns}, {"additionalProperties", false}};
  return properties;
}

// Parameters that may be set for one adapter (`of`), or for anything (nullptr).
Json parameter_properties(const MethodSchema* of) {
  Json properties = Json::object();
  for (const std::string& name : parameter_names()) {
    if (name == "base" || name == "task" || name == "adapter") continue;
    const ParameterSchema* schema = parameter_schema(name);
    if (of != nullptr && find_field(name) == nullptr) schema = of->find(name);
    if (schema != nullptr) properties[name] = parameter_schema_json(*schema);
  }
  properties["extends"] = names_or_name();
  return properties;
}

Json all_parameters() {
  Json properties = parameter_properties(nullptr);
  properties["base"] = parameter_form(source_value(base_properties()), false, true);
  properties["task"] = parameter_form(source_value(task_properties()), false, true);
  properties["adapter"] = parameter_form(adapter_names(), false, true);
  // Any other key is a group: {parameters: {...}}.
  const Json group = {{"type", "object"},
                      {"properties", {{"parameters", {{"$ref", "#/properties/parameters"}}}}},
                      {"required", Json::array({"parameters"})}};
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", group}};
}

Json adapters_section() {
  Json properties = Json::object();
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) continue;
    properties[method.name] = {{"type", Json::array({"object", "null"})},
                               {"properties", parameter_properties(&method)},
                               {"additionalProperties", false},
                               {"description", method.title + ", " + method.source}};
  }
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

Json sources_section(Json properties) {
  properties.update(parameter_properties(nullptr));
  return {{"type", "object"},
          {"additionalProperties",
           {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}}};
}

Json metric_section() {
  const Json name = {{"type", "string"}};
  const Json mapping = {{"type", "object"},
                        {"properties",
                         {{"name", name},
                          {"goal", one_of_words({"maximize", "minimize"})},
                          {"target", {{"type", "number"}}}}},
                        {"required", Json::array({"name"})},
                        {"additionalProperties", false}};
  return {{"anyOf", Json::array({name, mapping})}};
}

Json early_terminate_section() {
  const Json count = {{"type", "integer"}, {"minimum", 1}};
  const Json flag = {{"type", "boolean"}};
  return {{"type", "object"},
          {"properties",
           {{"type", one_of_words({"hyperband", "asha", "median", "patience"})},
            {"min_iter", count},
            {"max_iter", count},
            {"s", count},
            {"eta", {{"type", "number"}, {"exclusiveMinimum", 1}}},
            {"strict", flag},
            {"min_trials", count},
            {"iterations", count},
            {"min_delta", {{"type", "number"}, {"minimum", 0}}},
            {"metric", {{"type", "string"}}},
            {"replicates", flag}}},
          {"required", Json::array({"type"})},
          {"additionalProperties", false}};
}

}  // namespace

Json sweep_schema() {
  const Json text = {{"type", "string"}};
  const Json count = {{"type", "integer"}, {"minimum", 1}};
  std::vector<std::string> baselines;
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) baselines.push_back(method.name);
  }
  Json properties = {
      {"name", text},
      {"description", text},
      {"method", one_of_words({"grid", "random", "bayes", "tpe", "sobol"})},
      {"metric", metric_section()},
      {"parameters", all_parameters()},
      {"adapters", adapters_section()},
      {"bases", sources_section(base_properties())},
      {"tasks", sources_section(task_properties())},
      {"tasks_folder", text},
      {"zip", {{"type", "array"}, {"minItems", 1}}},
      {"select", names_or_name()},
      {"baselines", {{"type", "array"}, {"items", one_of_words(baselines)}}},
      {"replicate", one_of_words({"seed"})},
      {"report", {{"type", "object"}}},
      {"resources",
       {{"type", "object"},
        {"properties", {{"pack", count}, {"devices", names_or_name()}}},
        {"additionalProperties", false}}},
      {"run_cap", count},
      {"max_trials", count},
      {"max_time", {{"type", "string"}, {"pattern", "^[0-9.dhms ]+$"}}},
      {"max_gpu_hours", {{"type", "number"}, {"exclusiveMinimum", 0}}},
      {"target", {{"type", "number"}}},
      {"search_seed", {{"type", "integer"}, {"minimum", 0}}},
      {"early_terminate", early_terminate_section()},
      {"fragments", {{"type", "object"}, {"additionalProperties", {{"type", "object"}}}}},
      {"extends", names_or_name()},
  };
  for (const char* key : {"program", "entity", "project"})
    properties[key] = {{"description", "W&B's; passed over with a notice"}};
  properties["command"] = {{"description", "W&B's; passed over with a notice"}};
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "Plateau sweep"},
          {"type", "object"},
          {"properties", properties},
          {"anyOf", Json::array({{{"required", Json::array({"parameters"})}},
                                 {{"required", Json::array({"extends"})}}})},
          {"additionalProperties", false}};
}

}  // namespace plateau
