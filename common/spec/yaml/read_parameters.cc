// Parameters of a sweep file: W&B's forms (value, values, distribution, nested parameters) and ours
// (shorthands, range(), expressions, when).
#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/yaml/draft.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxValues = 100'000;

const std::vector<std::string>& parameter_keys() {
  static const std::vector<std::string> keys = {"value",
                                                "values",
                                                "when",
                                                "expression",
                                                "parameters",
                                                "distribution",
                                                "probabilities",
                                                "min",
                                                "max",
                                                "mu",
                                                "sigma",
                                                "a",
                                                "b",
                                                "q"};
  return keys;
}

bool is_numeric(const ParameterSchema* schema) {
  return schema != nullptr &&
         (schema->type == ParameterType::kInteger || schema->type == ParameterType::kNumber);
}
bool takes_lists(const ParameterSchema* schema) {
  return schema != nullptr &&
         (schema->type == ParameterType::kModules || schema->type == ParameterType::kLayers);
}

std::vector<std::string> adapter_names() {
  std::vector<std::string> names;
  for (const MethodSchema& method : method_schemas()) {
    if (!method.is_baseline) names.push_back(method.name);
  }
  return names;
}

// What other programs call a key of a parameter; empty: nothing is known.
std::string key_elsewhere(const std::string& key) {
  static const std::map<std::string, const char*> keys = {
      {"low", "min"},
      {"high", "max"},
      {"lower", "min"},
      {"upper", "max"},
      {"choices", "values"},
      {"options", "values"},
      {"default", "value"},
      {"type", "distribution"},
      {"mean", "mu"},
      {"std", "sigma"},
      {"stddev", "sigma"},
      {"alpha", "a"},
      {"beta", "b"},
      {"step", "q_uniform` with `q"},
      {"log", "distribution: log_uniform_values"},
      {"if", "when"},
      {"condition", "when"},
  };
  const auto found = keys.find(key);
  return found == keys.end() ? "" : found->second;
}

// What other programs call a value; empty: nothing is known.
std::string value_elsewhere(const std::string& value) {
  static const std::map<std::string, const char*> values = {
      {"bf16", "bfloat16"}, {"fp32", "float32"}, {"f32", "float32"}, {"fp64", "float64"},
      {"4bit", "nf4"},      {"int4", "nf4"},     {"avg", "mean"},    {"average", "mean"},
  };
  const auto found = values.find(value);
  return found == values.end() ? "" : found->second;
}

// How a text that stands where a number is needed would be written; empty: nothing is known.
std::string number_elsewhere(const std::string& text) {
  const auto is_number = [](std::string_view part) {
    return plain_scalar(std::string(trim(part))).is_number();
  };
  const std::vector<std::string> parts = split(text, ',');
  if (parts.size() > 1 && std::all_of(parts.begin(), parts.end(), is_number)) {
    std::string trimmed;
    for (const std::string& part : parts)
      trimmed += (trimmed.empty() ? "" : ", ") + std::string(trim(part));
    return " A list is written [" + trimmed + "]" +
           (parts.size() == 2 ? ", and a fraction with a point." : ".");
  }
  if (text.ends_with('%') && is_number(std::string_view(text).substr(0, text.size() - 1))) {
    const Json percent = plain_scalar(std::string(trim(text.substr(0, text.size() - 1))));
    return " A share is written " + format_number(percent.get<double>() / 100) + ".";
  }
  return "";
}

Json checked_adapter(ReadContext& context, const YamlNode& node) {
  const std::vector<std::string> known = adapter_names();
  const std::string name = node.is_text() ? node.scalar.get<std::string>() : "";
  const MethodSchema* method = find_method(name);
  if (method != nullptr && !method->is_baseline) return name;
  context.adapter_is_wrong = true;
  if (method != nullptr) {
    context.value_problem(node.place,
                          name + " is a baseline, not an adapter; write it under `baselines`");
  } else {
    context.value_problem(node.place, "unknown adapter: " + node.what() + "." +
                                          did_you_mean(name, known) +
                                          " Known: " + join(known, ", "));
    // What was meant, so that the rest is still looked at.
    if (const auto meant = nearest(name, known)) return *meant;
  }
  return nullptr;
}

bool is_range_text(const std::string& text) {
  return text.rfind("range(", 0) == 0 || text.rfind("range[", 0) == 0;
}

std::string hint_of_value(const Draft& draft, const std::string& text) {
  const std::vector<std::string>& choices = draft.schema->choices;
  const std::string meant = value_elsewhere(text);
  if (std::find(choices.begin(), choices.end(), meant) != choices.end())
    return " Did you mean '" + meant + "'?";
  if (!is_numeric(draft.schema) || text.empty()) return did_you_mean(text, choices);
  if (plain_scalar(text).is_number()) return " A number has no quotes.";
  if (is_range_text(text)) return " A range stands alone, not in a list.";
  const bool is_expression = Expression::parse(text, parameter_names()).ok();
  return is_expression ? " An expression stands alone, not in a list." : number_elsewhere(text);
}

// One value of the parameter; null after a problem.
Json checked_value(ReadContext& context, const Draft& draft, const YamlNode& node) {
  const std::string& name = draft.parameter.name;
  if (name == "adapter") return checked_adapter(context, node);
  if (draft.schema == nullptr) return read_source_value(context, name, node);
  const Json value = node.to_json();
  if (draft.schema->accepts(value)) return value;
  const auto text = node.is_text() ? node.scalar.get<std::string>() : std::string();
  context.value_problem(node.place, name + " is " + node.what() + "; allowed is " +
                                        draft.schema->allowed() + " (" + draft.schema->meaning +
                                        ")." + hint_of_value(draft, text));
  return nullptr;
}

void add_value(ReadContext& context, Draft& draft, const YamlNode& node) {
  Json value = checked_value(context, draft, node);
  if (!value.is_null()) draft.parameter.values.push_back({std::move(value), node.place});
}

// "range(5)", "range(1, 9, 2)": as in Python.
bool is_range(const YamlNode& node) {
  return node.is_text() && is_range_text(node.scalar.get<std::string>());
}

void add_range(ReadContext& context, Draft& draft, const YamlNode& node) {
  const auto text = node.scalar.get<std::string>();
  std::vector<std::int64_t> numbers;
  const bool is_whole = text[5] == '(' && text.back() == ')';
  for (const std::string& part : split(text.substr(6, text.size() - 7), ',')) {
    const Json number = plain_scalar(std::string(trim(part)));
    if (number.is_number_integer()) numbers.push_back(number.get<std::int64_t>());
    // Too many: the same message.
    if (!number.is_number_integer() || !is_whole) numbers.assign(4, 0);
  }
  const std::int64_t step = numbers.size() == 3 ? numbers[2] : 1;
  if (numbers.empty() || numbers.size() > 3 || step == 0) {
    context.problem(node.place, draft.parameter.name + " is '" + text +
                                    "'; range takes one to three whole numbers: range(stop), "
                                    "range(start, stop), range(start, stop, step)");
    return;
  }
  const std::int64_t start = numbers.size() == 1 ? 0 : numbers[0];
  const std::int64_t stop = numbers.size() == 1 ? numbers[0] : numbers[1];
  const double count =
      (static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step);
  if (count <= 0 || count > static_cast<double>(kMaxValues)) {
    context.problem(node.place, draft.parameter.name + " is '" + text + "', which has " +
                                    (count <= 0 ? "no values" : "over 100,000 values"));
    return;
  }
  YamlNode item;
  item.place = node.place;
  for (std::int64_t value = start; step > 0 ? value < stop : value > stop; value += step) {
    item.scalar = value;
    add_value(context, draft, item);
  }
}

void add_expression(ReadContext& context, Draft& draft, const YamlNode& node) {
  const auto text = node.scalar.get<std::string>();
  Result<Expression> expression = Expression::parse(text, parameter_names());
  if (!expression) {
    const std::string allowed = draft.schema == nullptr ? "" : draft.schema->allowed() + ", or ";
    const std::string meant = number_elsewhere(text);
    context.problem(node.place,
                    draft.parameter.name + " is '" + text + "'; allowed is " + allowed +
                        "an expression such as 2 * rank" +
                        (meant.empty() ? ": " + expression.error().message : "." + meant));
    return;
  }
  draft.parameter.expression = *expression;
}

// A single value: a scalar, a range, an expression; for base and task a mapping; for modules a
// list.
void add_single(ReadContext& context, Draft& draft, const YamlNode& node) {
  if (is_range(node) && is_numeric(draft.schema)) {
    add_range(context, draft, node);
  } else if (node.is_text() && is_numeric(draft.schema)) {
    add_expression(context, draft, node);
  } else {
    add_value(context, draft, node);
  }
}

void add_list(ReadContext& context, Draft& draft, const YamlNode& node) {
  if (node.items.empty()) {
    context.problem(node.place, draft.parameter.name +
                                    " has no values, so the sweep is empty; give at least one");
  }
  for (const YamlNode& item : node.items)
    add_value(context, draft, item);
}

void read_values(ReadContext& context, Draft& draft, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kList) {
    add_list(context, draft, node);
  } else if (is_range(node) && is_numeric(draft.schema)) {
    add_range(context, draft, node);
  } else {
    context.problem(node.place, draft.parameter.name + ".values is " + node.what() +
                                    "; a list is needed, such as [1, 2, 4] or range(5)");
  }
}

// A condition on an adapter or choice that there is not never holds.
void check_comparisons(ReadContext& context, const Draft& draft, const Expression& when,
                       const Place& place) {
  for (const Expression::Comparison& comparison : when.comparisons()) {
    const ParameterSchema* schema = parameter_schema(comparison.name);
    const std::vector<std::string> known = comparison.name == "adapter" ? adapter_names()
                                           : schema != nullptr          ? schema->choices
                                                               : std::vector<std::string>{};
    if (known.empty() || std::find(known.begin(), known.end(), comparison.text) != known.end()) {
      continue;
    }
    context.problem(place, draft.parameter.name + ".when compares " + comparison.name + " with '" +
                               comparison.text + "', which it never is." +
                               did_you_mean(comparison.text, known) +
                               " Known: " + join(known, ", "));
  }
}

void read_when(ReadContext& context, Draft& draft, const YamlNode& node) {
  std::string text;
  if (node.kind == YamlNode::Kind::kMapping) {
    // {adapter: [lora, dora], rank: 4} is "adapter in ['lora', 'dora'] and rank == 4".
    for (const YamlNode::Entry& entry : node.entries) {
      text += text.empty() ? "" : " and ";
      text += entry.key + (entry.value.kind == YamlNode::Kind::kList ? " in " : " == ") +
              entry.value.to_json().dump();
    }
  } else if (node.kind == YamlNode::Kind::kList) {
    context.problem(node.place, draft.parameter.name +
                                    ".when is a list; a condition is a text such as "
                                    "adapter == lora, or a mapping such as {adapter: lora}");
  } else {
    text = read_text(context, draft.parameter.name + ".when", node);
  }
  if (text.empty()) return;
  Result<Expression> when = Expression::parse(text, parameter_names());
  if (!when) {
    context.problem(node.place, draft.parameter.name + ".when: " + when.error().message);
    return;
  }
  check_comparisons(context, draft, *when, node.place);
  draft.parameter.when = *when;
  draft.parameter.when_place = node.place;
}

// Every value of the distribution, in rising order. As on W&B's grid: whole numbers from min to
// max, and for q_uniform from min in steps of q to below max. Others have no list of values.
void add_all_of(ReadContext& context, Draft& draft, const YamlNode& node,
                const Distribution& distribution) {
  double low = 0, step = 1, count = 0;
  if (const auto* whole = std::get_if<IntUniform>(&distribution.shape)) {
    low = static_cast<double>(whole->low);
    count = static_cast<double>(whole->high) - low + 1;
  } else if (const auto* uniform = std::get_if<Uniform>(&distribution.shape);
             uniform != nullptr && distribution.quantum > 0) {
    low = uniform->low;
    step = distribution.quantum;
    count = std::ceil((uniform->high - low) / step - 1e-9);
  } else {
    const YamlNode* named = node.find("distribution");
    const std::string name = named == nullptr ? "uniform" : named->scalar.get<std::string>();
    context.problem(node.place, draft.parameter.name + " has the distribution " + name +
                                    ", which has no list of values; the method grid takes `value`, "
                                    "`values`, int_uniform and q_uniform");
    return;
  }
  if (count > static_cast<double>(kMaxValues)) {
    context.problem(node.place, draft.parameter.name + " has over 100,000 values");
    return;
  }
  YamlNode item;
  item.place = node.find("min")->place;
  for (double index = 0; index < count; ++index) {
    const double value = low + index * step;
    const bool whole = draft.schema->type == ParameterType::kInteger && value == std::floor(value);
    item.scalar = whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
    add_value(context, draft, item);
  }
}

void add_distribution(ReadContext& context, Draft& draft, const YamlNode& node) {
  const std::optional<Distribution> distribution = read_distribution(context, draft, node);
  if (!distribution) return;
  // Replicates are listed, never drawn.
  if (context.sweep.search.method == SearchMethod::kGrid || draft.parameter.name == "seed") {
    add_all_of(context, draft, node, *distribution);
  } else {
    draft.parameter.distribution = distribution;
    note_ends(draft, node);
  }
}

// One share for each of the values, before those are read.
void read_probabilities(ReadContext& context, Draft& draft, const YamlNode& node) {
  const YamlNode* values = node.find("values");
  const YamlNode* probabilities = node.find("probabilities");
  if (probabilities == nullptr) return;
  const std::string name = draft.parameter.name + ".probabilities";
  if (values == nullptr || probabilities->kind != YamlNode::Kind::kList ||
      probabilities->items.size() != values->items.size()) {
    context.problem(probabilities->place, name + " needs one number for each of values");
    return;
  }
  double sum = 0;
  for (const YamlNode& item : probabilities->items) {
    if (!item.scalar.is_number() || item.scalar <= 0) {
      context.problem(item.place, name + " has " + item.what() +
                                      "; allowed is a number above 0 (leave a value out that is "
                                      "never to be drawn)");
      return;
    }
    sum += item.scalar.get<double>();
    draft.parameter.probabilities.push_back(item.scalar.get<double>());
  }
  if (std::abs(sum - 1) > 1e-6) {
    context.problem(probabilities->place, name + " add up to " + format_number(sum) + ", not to 1");
  } else if (context.sweep.search.method == SearchMethod::kGrid) {
    context.sweep.notices.push_back(name + " is not used: a grid takes every value once");
  }
}

std::string unknown_parameter_key(const std::string& parameter, const std::string& key) {
  // {values: range(1, 9)}: YAML ends the value at the comma.
  if (key.ends_with(')')) {
    return parameter + " ends in '" + key +
           "': between { and } a range needs quotes, such as 'range(1, 9)'";
  }
  const std::string meant = key_elsewhere(key);
  if (meant.empty()) return unknown_key("parameter " + parameter, key, parameter_keys());
  return "unknown key '" + key + "' in parameter " + parameter + "; here it is `" + meant +
         "`. Known: " + join(parameter_keys(), ", ");
}

void read_parameter_mapping(ReadContext& context, Draft& draft, const YamlNode& node) {
  int sources = 0;
  if (!distribution_is_known(context, node)) return;
  for (const YamlNode::Entry& entry : node.entries) {
    const auto& known = parameter_keys();
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      context.problem(entry.place, unknown_parameter_key(draft.parameter.name, entry.key));
      return;
    }
    if (entry.key == "value" || entry.key == "values" || entry.key == "expression") ++sources;
  }
  if (const YamlNode* when = node.find("when")) read_when(context, draft, *when);
  if (sources > 1) {
    context.problem(node.place, draft.parameter.name +
                                    " has several of value, values and expression; take one");
    return;
  }
  read_probabilities(context, draft, node);
  if (sources > 0) check_distribution_of_values(context, draft, node);
  if (const YamlNode* value = node.find("value")) {
    add_single(context, draft, *value);
  } else if (const YamlNode* values = node.find("values")) {
    read_values(context, draft, *values);
  } else if (const YamlNode* expression = node.find("expression")) {
    if (expression->is_text()) {
      add_expression(context, draft, *expression);
    } else {
      add_value(context, draft, *expression);
    }
  } else {
    add_distribution(context, draft, node);
  }
}

void read_form(ReadContext& context, Draft& draft, const YamlNode& node) {
  const bool is_source = draft.parameter.name == "base" || draft.parameter.name == "task";
  if (node.kind == YamlNode::Kind::kMapping && !(is_source && node.find("path") != nullptr)) {
    read_parameter_mapping(context, draft, node);
  } else if (node.kind == YamlNode::Kind::kList && takes_lists(draft.schema)) {
    context.problem(node.place, draft.parameter.name +
                                    " is a list, which could be one value or several; write "
                                    "{value: [...]} or {values: [[...], [...]]}");
  } else if (node.kind == YamlNode::Kind::kList) {
    add_list(context, draft, node);
  } else {
    add_single(context, draft, node);
  }
}

// nullptr after a problem: the scope's adapter has no such parameter.
const ParameterSchema* schema_in_scope(ReadContext& context, const YamlNode::Entry& entry,
                                       const Scope& scope) {
  const MethodSchema* method = scope.kind == "adapter" ? find_method(scope.name) : nullptr;
  if (method == nullptr || find_field(entry.key) != nullptr) return parameter_schema(entry.key);
  if (const ParameterSchema* schema = method->find(entry.key)) return schema;
  std::vector<std::string> known;
  for (const ParameterSchema& schema : method->parameters)
    known.push_back(schema.name);
  context.problem(entry.place, scope.name + " has no parameter '" + entry.key + "'." +
                                   did_you_mean(entry.key, known) +
                                   " It has: " + join(known, ", "));
  return nullptr;
}

bool is_source_name(const std::string& name) {
  return name == "base" || name == "task" || name == "adapter";
}

}  // namespace

void read_parameter(ReadContext& context, const YamlNode::Entry& entry, const Scope& scope) {
  Draft draft;
  draft.parameter.name = entry.key;
  draft.parameter.place = entry.place;
  draft.parameter.scope_kind = scope.kind;
  draft.parameter.scope = scope.name;
  if (!is_source_name(entry.key)) {
    draft.schema = schema_in_scope(context, entry, scope);
    if (draft.schema == nullptr) return;
  }
  for (const SweepParameter& other : context.sweep.parameters) {
    if (other.name == entry.key && other.scope_kind == scope.kind && other.scope == scope.name) {
      context.problem(entry.place, "the parameter '" + entry.key + "' stands at " +
                                       other.place.text() + " already");
      return;
    }
  }
  const std::size_t values = context.value_problems, before = context.problems.size() - values;
  read_form(context, draft, entry.value);
  // Whatever is wrong with its form, the parameter is there.
  const std::size_t wrong = context.problems.size() - before - context.value_problems;
  if (wrong + context.value_problems > values) context.incomplete.insert(entry.key);
  context.value_problems += wrong;
  // Kept without values after a problem, so that what refers to it is not blamed as well.
  context.sweep.parameters.push_back(std::move(draft.parameter));
}

namespace {

// A mapping with nothing but parameters, where `parameters` was forgotten.
bool is_group(const YamlNode& node) {
  const std::vector<std::string>& known = parameter_names();
  return !node.entries.empty() &&
         std::all_of(node.entries.begin(), node.entries.end(), [&](const YamlNode::Entry& entry) {
           return std::find(known.begin(), known.end(), entry.key) != known.end();
         });
}

std::string unknown_parameter(const std::string& key, const std::string& alias) {
  if (!alias.empty()) return "unknown parameter '" + key + "'. Did you mean '" + alias + "'?";
  if (key == "optimizer") {
    return "unknown parameter 'optimizer': the optimizer is AdamW, and its parameters are "
           "learning_rate, weight_decay, beta1, beta2 and epsilon";
  }
  if (key == "device" || key == "devices") {
    return "unknown parameter '" + key +
           "'. Devices stand at the top, as `resources: {devices: [...]}`";
  }
  return unknown_key("parameters", key, parameter_names());
}

// Read as what was meant, so that its name and its values are told of together and the rest of the
// sweep is still looked at; only a name that stands for nothing leaves a sweep that is not known.
void read_misspelt(ReadContext& context, const YamlNode& mapping, const YamlNode::Entry& entry,
                   const Scope& scope) {
  const std::vector<std::string>& known = parameter_names();
  const std::string alias = known_alias(entry.key);
  const Problem unknown = {entry.place, unknown_parameter(entry.key, alias)};
  if (is_group(entry.value)) {
    context.value_problem(entry.place, "'" + entry.key +
                                           "' is a group of parameters, and a group is written " +
                                           entry.key + ": {parameters: {...}}");
    return read_parameters(context, entry.value, scope);
  }
  YamlNode::Entry meant = entry;
  meant.key = alias.empty() ? nearest(entry.key, known).value_or("") : alias;
  if (!meant.key.empty() && mapping.find(meant.key) == nullptr &&
      (scope.kind.empty() || !is_source_name(meant.key))) {
    context.value_problem(unknown.place, unknown.message);
    const std::size_t before = context.problems.size();
    read_parameter(context, meant, scope);
    for (std::size_t i = before; i < context.problems.size(); ++i)
      context.problems[i].message = "as '" + meant.key + "': " + context.problems[i].message;
    return;
  }
  context.problem(unknown.place, unknown.message);
}

}  // namespace

void read_parameters(ReadContext& context, const YamlNode& mapping, const Scope& scope) {
  for (const YamlNode::Entry& entry : mapping.entries) {
    const YamlNode* nested = entry.value.find("parameters");
    if (nested != nullptr) {
      if (expect_mapping(context, entry.key + ".parameters", *nested)) {
        read_parameters(context, *nested, scope);
      }
      continue;
    }
    const auto& known = parameter_names();
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) {
      if (!scope.kind.empty() && is_source_name(entry.key)) {
        context.problem(entry.place, entry.key + " cannot depend on the " + scope.kind);
      } else {
        read_parameter(context, entry, scope);
      }
      continue;
    }
    read_misspelt(context, mapping, entry, scope);
  }
}

}  // namespace plateau
