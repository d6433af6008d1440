#include "coordinator/cli/resolved.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "common/base/text.h"
#include "common/spec/fields.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

std::string place_text(const Place& place) {
  return place.text() + (place.fragment.empty() ? "" : ", fragment " + place.fragment);
}

// The name that a sweep file has for what stands there; else the pointer with dots.
std::string name_of(const std::string& pointer) {
  static const std::map<std::string, std::string> names = [] {
    std::map<std::string, std::string> made = {
        {"/base/name", "base"}, {"/task/name", "task"}, {"/adapter/method", "adapter"}};
    for (const TrialField& field : trial_fields())
      made[field.json_pointer] = field.schema.name;
    return made;
  }();
  const auto known = names.find(pointer);
  if (known != names.end()) return known->second;
  const std::string parameters = "/adapter/parameters/";
  if (pointer.rfind(parameters, 0) == 0) return pointer.substr(parameters.size());
  std::string dotted = pointer.substr(1);
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  return dotted;
}

// A method's parameter may be a mapping, and is one value; so are a task's columns.
bool is_one_value(const std::string& pointer, const Json& json) {
  return !json.is_object() || pointer.rfind("/adapter/parameters/", 0) == 0 ||
         pointer == "/task/columns";
}

void collect(const std::string& pointer, const Json& json, std::vector<ResolvedValue>& values) {
  if (is_one_value(pointer, json)) return values.push_back({name_of(pointer), json, pointer});
  for (const auto& [key, value] : json.items())
    collect(pointer + "/" + key, value, values);
}

// What belongs to a base or a task as such: the file's description of it, or where it lies.
std::string source_origin(const std::map<std::string, SourceReference>& references,
                          const std::string& name, const std::string& key,
                          const std::string& source) {
  const auto reference = references.find(name);
  if (reference == references.end() || reference->second.path.empty())
    return "catalogue entry " + source;
  if (key == "path" || key == "source" || reference->second.options.contains(key))
    return place_text(reference->second.place);
  return "read from " + reference->second.path.string();
}

std::string default_origin(const ResolvedValue& value, const std::string& pointer) {
  if (value.name == "alpha") return "default, 2 * rank";
  const TrialField* field = find_field(value.name);
  if (field == nullptr || field->schema.default_value == value.value) return "default";
  return pointer.rfind("/task/", 0) == 0 ? "the task's default" : "the base's default";
}

std::string origin_of(const LoadedSweep& loaded, const PlannedTrial& planned,
                      const ResolvedValue& value, const std::string& pointer) {
  if (const auto origin = planned.origins.find(value.name)) {
    return place_text(origin->place) + (origin->is_computed ? ", computed" : "");
  }
  const std::string key = pointer.substr(pointer.rfind('/') + 1);
  const bool is_field = find_field(value.name) != nullptr;
  if (!is_field && pointer.rfind("/base/", 0) == 0)
    return source_origin(loaded.sweep.bases, planned.base->name, key, planned.base->source);
  if (!is_field && pointer.rfind("/task/", 0) == 0)
    return source_origin(loaded.sweep.tasks, planned.task->name, key, planned.task->source);
  return default_origin(value, pointer);
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string lines_of(const std::vector<ResolvedValue>& values) {
  std::size_t name = 0, text = 0;
  for (const ResolvedValue& value : values) {
    name = std::max(name, value.name.size());
    // One long list of labels is not to push all origins to the right.
    const std::size_t size = shown(value.value).size();
    if (size <= 40) text = std::max(text, size);
  }
  std::string lines;
  for (const ResolvedValue& value : values)
    lines += fmt::format("  {:<{}}  {:<{}}  ({})\n", value.name, name, shown(value.value), text,
                         value.origin);
  return lines;
}

const char* name_of(SearchMethod method) {
  switch (method) {
    case SearchMethod::kGrid:
      return "grid";
    case SearchMethod::kRandom:
      return "random";
    case SearchMethod::kSobol:
      return "sobol";
    case SearchMethod::kTpe:
      return "tpe";
    case SearchMethod::kBayes:
      break;
  }
  return "bayes";
}

}  // namespace

std::vector<ResolvedValue> resolved_values(const LoadedSweep& loaded, std::size_t index) {
  const PlannedTrial& planned = loaded.plan.trials.at(index);
  Json json = to_json(planned.trial());
  json.erase("format");
  std::vector<ResolvedValue> values;
  collect("", json, values);
  for (ResolvedValue& value : values) {
    const std::string pointer = value.origin;
    value.origin = origin_of(loaded, planned, value, pointer);
  }
  return values;
}

std::vector<ResolvedValue> resolved_search(const LoadedSweep& loaded) {
  const SearchSpec& search = loaded.sweep.search;
  const auto place = [&](const std::string& key) {
    const auto found = search.budget_places.find(key);
    return found == search.budget_places.end() ? std::string("default") : place_text(found->second);
  };
  const bool given = !search.method_place.source.empty();
  std::vector<ResolvedValue> values = {
      {"method", name_of(search.method), given ? place_text(search.method_place) : "default"}};
  if (search.method != SearchMethod::kGrid)
    values.push_back({"search_seed", search.seed, place("search_seed")});
  const Budgets& budgets = search.budgets;
  if (budgets.max_trials) {
    const bool as_wandb = search.budget_places.count("run_cap") != 0;
    values.push_back(
        {"max_trials", *budgets.max_trials, place(as_wandb ? "run_cap" : "max_trials")});
  }
  if (budgets.max_time_ms)
    values.push_back({"max_time", format_duration(*budgets.max_time_ms), place("max_time")});
  if (budgets.max_gpu_hours)
    values.push_back({"max_gpu_hours", *budgets.max_gpu_hours, place("max_gpu_hours")});
  if (budgets.target) values.push_back({"target", *budgets.target, place("target")});
  return values;
}

std::string resolved_text(const LoadedSweep& loaded, std::size_t index) {
  const PlannedTrial& planned = loaded.plan.trials.at(index);
  return fmt::format("trial {} {} (key {})\n", index + 1, trial_label(planned.trial()),
                     hex_of(planned.keys.trial).substr(0, 8)) +
         lines_of(resolved_values(loaded, index));
}

std::string resolved_search_text(const LoadedSweep& loaded) {
  return "sweep " + loaded.sweep.name + "\n" + lines_of(resolved_search(loaded));
}

Json resolved_with_origins(const LoadedSweep& loaded) {
  Json json = resolved_json(loaded.sweep, loaded.plan);
  for (std::size_t i = 0; i < loaded.plan.trials.size(); ++i) {
    Json& origins = json["trials"][i]["origins"] = Json::object();
    for (ResolvedValue& value : resolved_values(loaded, i))
      origins[value.name] = std::move(value.origin);
  }
  for (ResolvedValue& value : resolved_search(loaded))
    json["search"][value.name] = {{"value", std::move(value.value)},
                                  {"origin", std::move(value.origin)}};
  return json;
}

}  // namespace plateau::cli
