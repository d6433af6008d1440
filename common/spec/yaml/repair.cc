// What is left of a sweep when its mistakes are taken out, so that the others can be looked for.
#include <algorithm>

#include "common/spec/fields.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

bool is_empty(const SweepParameter& parameter) {
  return parameter.values.empty() && !parameter.expression && !parameter.distribution;
}

bool names(const std::optional<Expression>& expression, const std::string& name) {
  return expression && std::find(expression->names().begin(), expression->names().end(), name) !=
                           expression->names().end();
}

bool has_condition_on(const Sweep& sweep, const std::string& name) {
  return std::any_of(sweep.parameters.begin(), sweep.parameters.end(),
                     [&](const SweepParameter& other) { return names(other.when, name); });
}

// What is computed from a parameter without a value has none either.
void empty_computed(Sweep& sweep) {
  for (bool more = true; more;) {
    more = false;
    for (const SweepParameter& source : sweep.parameters) {
      if (!is_empty(source)) continue;
      for (SweepParameter& other : sweep.parameters) {
        if (!names(other.expression, source.name)) continue;
        other.expression.reset();
        more = true;
      }
    }
  }
}

// Takes out a parameter without values, or gives it one that fits where there has to be one. False:
// what hangs on it cannot be judged.
bool fill_or_remove(Sweep& sweep, std::size_t index) {
  SweepParameter& parameter = sweep.parameters[index];
  const ParameterSchema* schema = parameter_schema(parameter.name);
  if (schema == nullptr || has_condition_on(sweep, parameter.name)) return false;
  if (schema->default_value.is_null() && schema->minimum) {
    const nlohmann::json whole = static_cast<std::int64_t>(*schema->minimum);
    parameter.values.push_back(
        {schema->type == ParameterType::kInteger ? whole : nlohmann::json(*schema->minimum),
         parameter.place});
  } else {
    sweep.parameters.erase(sweep.parameters.begin() + static_cast<std::ptrdiff_t>(index));
  }
  return true;
}

// Values that go together are as many: the shortest list says how many. Too many cells are a
// mistake of their own, so groups are not taken apart.
void mend_zip(Sweep& sweep, std::vector<std::string>& group) {
  const auto definitions = [&](const std::string& name, const auto& each) {
    for (SweepParameter& parameter : sweep.parameters) {
      if (parameter.name == name) each(parameter);
    }
  };
  std::size_t length = SIZE_MAX;
  std::vector<std::string> with_values;
  for (const std::string& name : group) {
    bool has_values = false;
    definitions(name, [&](const SweepParameter& parameter) {
      has_values = !parameter.values.empty();
      if (has_values) length = std::min(length, parameter.values.size());
    });
    if (has_values && name != "seed") with_values.push_back(name);
  }
  group = with_values.size() > 1 ? std::move(with_values) : std::vector<std::string>{};
  for (const std::string& name : group)
    definitions(name, [&](SweepParameter& parameter) { parameter.values.resize(length); });
}

}  // namespace

bool repair(Sweep& sweep) {
  for (std::vector<std::string>& group : sweep.zips)
    mend_zip(sweep, group);
  sweep.zips.erase(std::remove_if(sweep.zips.begin(), sweep.zips.end(),
                                  [](const auto& group) { return group.empty(); }),
                   sweep.zips.end());
  empty_computed(sweep);
  for (std::size_t i = sweep.parameters.size(); i-- > 0;) {
    if (is_empty(sweep.parameters[i]) && !fill_or_remove(sweep, i)) return false;
  }
  return true;
}

}  // namespace plateau
