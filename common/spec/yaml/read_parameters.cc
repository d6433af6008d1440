// Parameters of a sweep file: W&B's forms (value, values, distribution, nested parameters) and ours
// (shorthands, range(), expressions, when).
#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/yaml/draft.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxValues = 100'000;

const std::vector<std::string>& parameter_keys() {
  static const std::vector<std::string> keys = {
      "value",         "values", "when", "expression", "parameters", "distribution",
      "probabilities", "min",    "max",  "mu",         "sigma",      "q"};
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
                                        ")." + did_you_mean(text, draft.schema->choices));
  return nullptr;
}

void add_value(ReadContext& context, Draft& draft, const YamlNode& node) {
  Json value = checked_value(context, draft, node);
  if (!value.is_null()) draft.parameter.values.push_back({std::move(value), node.place});
}

// "range(5)", "range(1, 9, 2)": as in Python.
bool is_range(const YamlNode& node) {
  if (!node.is_text()) return false;
  const auto text = node.scalar.get<std::string>();
  return text.rfind("range(", 0) == 0 && text.back() == ')';
}

void add_range(ReadContext& context, Draft& draft, const YamlNode& node) {
  const auto text = node.scalar.get<std::string>();
  std::vector<std::int64_t> numbers;
  for (const std::string& part : split(text.substr(6, text.size() - 7), ',')) {
    const Json number = plain_scalar(std::string(trim(part)));
    if (number.is_number_integer()) numbers.push_back(number.get<std::int64_t>());
    if (!number.is_number_integer()) numbers.assign(4, 0);  // Too many: the same message.
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
    context.problem(node.place,
                    draft.parameter.name + " is '" + text + "'; allowed is " + allowed +
                        "an expression such as 2 * rank: " + expression.error().message);
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

void read_parameter_mapping(ReadContext& context, Draft& draft, const YamlNode& node) {
  int sources = 0;
  if (!distribution_is_known(context, node)) return;
  for (const YamlNode::Entry& entry : node.entries) {
    const auto& known = parameter_keys();
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      // {values: range(1, 9)}: YAML ends the value at the comma.
      const bool is_cut_range = entry.key.ends_with(')');
      context.problem(entry.place,
                      is_cut_range
                          ? draft.parameter.name + " ends in '" + entry.key +
                                "': between { and } a range needs quotes, such as 'range(1, 9)'"
                          : unknown_key("parameter " + draft.parameter.name, entry.key, known));
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

// Read as what was meant, so that its name and its values are told of together and the rest of the
// sweep is still looked at; only a name that stands for nothing leaves a sweep that is not known.
void read_misspelt(ReadContext& context, const YamlNode& mapping, const YamlNode::Entry& entry,
                   const Scope& scope) {
  const std::vector<std::string>& known = parameter_names();
  const std::string alias = known_alias(entry.key);
  const Problem unknown = {entry.place, alias.empty() ? unknown_key("parameters", entry.key, known)
                                                      : "unknown parameter '" + entry.key +
                                                            "'. Did you mean '" + alias + "'?"};
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
