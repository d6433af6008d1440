// What can be said of a sweep only when all of it was read.
#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/grid.h"
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
        const std::size_t count = parameter->values.size();
        context.value_problem(parameter->place, "zip: " + name + " has " + std::to_string(count) +
                                                    (count == 1 ? " value and " : " values and ") +
                                                    first->name + " has " +
                                                    std::to_string(first->values.size()) +
                                                    "; values that go together need equal lengths");
      }
    }
  }
}

// Takes the expression out where it names what is not there.
void check_names(ReadContext& context, const std::string& what, const Place& place,
                 std::optional<Expression>& expression) {
  if (!expression) return;
  const std::size_t before = context.problems.size();
  for (const std::string& name : expression->names()) {
    if (name == "seed") {
      context.value_problem(place, what + " refers to seed, which is a replicate of a cell");
    } else if (definitions(context.sweep, name).empty() && name != "adapter") {
      context.value_problem(place,
                            what + " refers to '" + name + "', which this sweep does not set");
    }
  }
  if (context.problems.size() > before) expression.reset();
}

// All that the parameter can be; nullopt: it is computed or drawn, something is wrong with it, or
// the command line has narrowed it, which makes no condition of the file wrong.
std::optional<std::vector<nlohmann::json>> listed_values(const ReadContext& context,
                                                         const std::string& name) {
  if (context.incomplete.count(name) != 0) return std::nullopt;
  std::vector<nlohmann::json> values;
  for (const SweepParameter* parameter : definitions(context.sweep, name)) {
    if (parameter->values.empty() || parameter->place.line == 0) return std::nullopt;
    for (const SweepValue& value : parameter->values)
      values.push_back(value.value);
  }
  return values;
}

// "1, 2 or 'f1'"; of many the first. Not for none.
std::string one_of(const std::vector<nlohmann::json>& values) {
  constexpr std::size_t kMost = 12;
  std::vector<std::string> texts;
  for (const nlohmann::json& value : values) {
    const std::string text =
        value.is_string() ? "'" + value.get<std::string>() + "'" : value.dump();
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  if (texts.size() > kMost) {
    texts.resize(kMost);
    texts.emplace_back("another");
  }
  const std::string last = texts.back();
  texts.pop_back();
  return texts.empty() ? last : join(texts, ", ") + " or " + last;
}

// A condition that no cell meets, since it names values that there are not. In a fragment it may
// wait for other sweeps.
void check_when(ReadContext& context, const SweepParameter& parameter) {
  if (!parameter.when || !parameter.when_place.fragment.empty()) return;
  // A name that no adapter has is told already.
  const Place& place = parameter.when_place;
  const bool is_told =
      std::any_of(context.problems.begin(), context.problems.end(), [&](const Problem& other) {
        return other.place.line == place.line && other.place.column == place.column;
      });
  if (is_told) return;
  std::map<std::string, std::optional<std::vector<nlohmann::json>>> known;
  const auto unmet = parameter.when->never_true([&](const std::string& name) {
    const auto [values, is_new] = known.try_emplace(name);
    if (is_new) values->second = listed_values(context, name);
    return values->second ? &*values->second : nullptr;
  });
  if (!unmet || unmet->wanted.empty() || known.at(unmet->name)->empty()) return;
  const std::vector<nlohmann::json>& values = *known.at(unmet->name);
  // Other names than a base's or a task's are known to be right ones.
  const bool is_source = unmet->name == "base" || unmet->name == "task";
  std::string hint;
  if (is_source && unmet->wanted.front().is_string()) {
    std::vector<std::string> words;
    for (const nlohmann::json& value : values)
      words.push_back(value.get<std::string>());
    hint = did_you_mean(unmet->wanted.front().get_ref<const std::string&>(), words);
  }
  context.value_problem(parameter.when_place,
                        parameter.name + ".when never holds: it compares " + unmet->name +
                            " with " + one_of(unmet->wanted) + ", and " + unmet->name + " is " +
                            one_of(values) + "." + hint +
                            " (A condition for other sweeps can stand in a fragment.)");
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

// What stands in a circle is taken out of it, so that the rest can be looked at.
void check_circles(ReadContext& context) {
  for (const Circle& circle : find_circles(context.sweep)) {
    context.value_problem(circle.problem.place, circle.problem.message);
    for (SweepParameter& parameter : context.sweep.parameters) {
      if (std::find(circle.names.begin(), circle.names.end(), parameter.name) ==
          circle.names.end()) {
        continue;
      }
      parameter.expression.reset();
      parameter.when.reset();
    }
  }
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
      if (++uses[name] != 2 || definitions(context.sweep, name).empty()) continue;
      const bool in_this = std::count(group.begin(), group.end(), name) > 1;
      context.value_problem(
          definitions(context.sweep, name).front()->place,
          name + (in_this ? " stands twice in a zip group" : " stands in two zip groups"));
    }
  }
  // A misspelt parameter or adapter is told once, not by what misses it.
  if (!context.parameters_are_known) return;
  for (SweepParameter& parameter : context.sweep.parameters) {
    if (!context.adapter_is_wrong) check_has_adapter(context, parameter);
    check_names(context, parameter.name, parameter.place, parameter.expression);
    check_names(context, parameter.name + ".when", parameter.when_place, parameter.when);
    if (!context.adapter_is_wrong) check_when(context, parameter);
  }
  check_circles(context);
}

}  // namespace plateau
