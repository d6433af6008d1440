// What can be said of a sweep only when all of it was read.
#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

std::vector<const SweepParameter*> definitions(const Sweep& sweep, const std::string& name) {
  std::vector<const SweepParameter*> found;
  for (const SweepParameter& parameter : sweep.parameters) {
    if (parameter.name == name) found.push_back(&parameter);
  }
  return found;
}

void check_zip(ReadContext& context, const std::vector<std::string>& group) {
  const SweepParameter* first = nullptr;
  for (const std::string& name : group) {
    for (const SweepParameter* parameter : definitions(context.sweep, name)) {
      if (parameter->expression) {
        context.value_problem(parameter->place, name + " is an expression and cannot be zipped");
      } else if (parameter->distribution) {
        context.value_problem(parameter->place, name + " has a distribution and cannot be zipped");
      } else if (first == nullptr) {
        first = parameter;
      } else if (first->values.size() != parameter->values.size()) {
        context.value_problem(parameter->place, "zip: " + name + " has " +
                                                    std::to_string(parameter->values.size()) +
                                                    " values and " + first->name + " has " +
                                                    std::to_string(first->values.size()) +
                                                    "; values that go together need equal lengths");
      }
    }
  }
}

// Takes the expression out where it names what is not there.
void check_names(ReadContext& context, const SweepParameter& parameter,
                 std::optional<Expression>& expression, const char* what) {
  if (!expression) return;
  const std::size_t before = context.problems.size();
  for (const std::string& name : expression->names()) {
    if (name == "seed") {
      context.value_problem(parameter.place, parameter.name + what +
                                                 " refers to seed, which is a replicate of a cell");
    } else if (definitions(context.sweep, name).empty() && name != "adapter") {
      context.value_problem(parameter.place, parameter.name + what + " refers to '" + name +
                                                 "', which this sweep does not set");
    }
  }
  if (context.problems.size() > before) expression.reset();
}

// A parameter of a method needs an adapter in the sweep that has it.
void check_has_adapter(ReadContext& context, const SweepParameter& parameter) {
  const std::vector<std::string> owners = methods_with(parameter.name);
  if (owners.empty()) return;
  std::vector<std::string> used;
  for (const SweepParameter* adapter : definitions(context.sweep, "adapter")) {
    for (const SweepValue& value : adapter->values)
      used.push_back(value.value.get<std::string>());
  }
  const bool any = std::any_of(used.begin(), used.end(), [&](const std::string& name) {
    return std::find(owners.begin(), owners.end(), name) != owners.end();
  });
  if (any || !parameter.scope.empty()) return;
  context.value_problem(parameter.place, "no adapter of this sweep (" + join(used, ", ") +
                                             ") has '" + parameter.name + "'; " +
                                             join(owners, ", ") +
                                             (owners.size() == 1 ? " has it" : " have it"));
}

}  // namespace

void check_sweep(ReadContext& context) {
  std::map<std::string, int> uses;
  for (const std::vector<std::string>& group : context.sweep.zips) {
    // A value that was left out would make lengths unequal.
    const bool is_whole = std::none_of(group.begin(), group.end(), [&](const std::string& name) {
      return context.incomplete.count(name) != 0;
    });
    if (is_whole) check_zip(context, group);
    for (const std::string& name : group) {
      if (++uses[name] == 2 && !definitions(context.sweep, name).empty()) {
        context.value_problem(definitions(context.sweep, name).front()->place,
                              name + " stands in two zip groups");
      }
    }
  }
  // A misspelt parameter or adapter is told once, not by what misses it.
  if (!context.parameters_are_known) return;
  for (SweepParameter& parameter : context.sweep.parameters) {
    if (!context.adapter_is_wrong) check_has_adapter(context, parameter);
    check_names(context, parameter, parameter.expression, "");
    check_names(context, parameter, parameter.when, ".when");
  }
}

}  // namespace plateau
