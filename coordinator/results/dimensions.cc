#include "coordinator/results/dimensions.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "common/base/text.h"
#include "common/spec/trial_parts.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

// What a table already has a column for, or what changes no number.
const std::set<std::string>& not_settings() {
  static const std::set<std::string> names{
      "adapter.parameters.rank",
      "base.name",
      "base.path",
      "base.sha256",
      "base.source",
      "task.name",
      "task.path",
      "task.sha256",
      "task.source",
  };
  return names;
}

void flatten(const Json& json, const std::string& path, Flat& into) {
  if (json.is_object() && path != "task.columns") {
    for (const auto& [name, value] : json.items()) {
      flatten(value, path.empty() ? name : path + "." + name, into);
    }
    return;
  }
  if (not_settings().count(path) != 0) return;
  if (json.is_string()) {
    into[path] = json.get<std::string>();
  } else if (json.is_number_float()) {
    into[path] = format_number(json.get<double>());
  } else {
    into[path] = json.dump();
  }
}

template <typename Part>
Flat flat(const std::string& path, const Part& part) {
  Flat settings;
  flatten(part_json(part), path, settings);
  return settings;
}
Flat flat(const std::string& path, const AdapterSpec& adapter) {
  Flat settings;
  flatten(adapter.parameters, path + ".parameters", settings);
  return settings;
}

// Looks at each part of a trial, sorted by path, until one has been found.
template <typename Look>
void look_at_parts(const SharedTrial& trial, Look&& look) {
  (void)(look("adapter", *trial.adapter) || look("base", *trial.base) ||
         look("optimizer", *trial.optimizer) || look("protocol", *trial.protocol) ||
         look("task", *trial.task));
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

std::optional<double> as_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

bool has_value(const std::vector<std::string>& wanted, const std::string& value) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const std::string& one) { return value_equal(one, value); });
}

std::string names_there(const RunView& run) {
  std::set<std::string> names{"adapter", "base", "rank", "seed", "task"};
  SettingsReader reader;
  for (const TrialRow& row : run.trials) {
    for (const Flat* part : reader.of(row.trial)) {
      for (const auto& [path, value] : *part)
        names.insert(last_part(path));
    }
  }
  return join({names.begin(), names.end()}, ", ");
}

// The name and every wanted value are there in some trial.
Status check(const RunView& run, const std::string& name, const std::vector<std::string>& wanted) {
  std::vector<std::string> there;
  for (const TrialRow& row : run.trials) {
    const auto value = dimension_of(row.trial, name);
    if (value && !has_value(there, *value)) there.push_back(*value);
  }
  if (there.empty()) {
    return invalid_argument("no trial of run '" + run.name + "' has a '" + name +
                            "' to filter by; there are " + names_there(run) + ".");
  }
  std::sort(there.begin(), there.end(), value_less);
  for (const std::string& value : wanted) {
    if (!has_value(there, value)) {
      return invalid_argument("no trial of run '" + run.name + "' has " + name + " " + value +
                              "; there are " + join(there, ", ") + ".");
    }
  }
  return {};
}

}  // namespace

std::array<const Flat*, 5> SettingsReader::of(const SharedTrial& trial) {
  std::array<const Flat*, 5> settings{};
  std::size_t next = 0;
  look_at_parts(trial, [&](const char* path, const auto& part) {
    const auto [known, is_new] = known_.try_emplace(&part);
    if (is_new) known->second = flat(path, part);
    settings[next++] = &known->second;
    return false;
  });
  return settings;
}

std::optional<std::string> dimension_of(const SharedTrial& trial, const std::string& name) {
  if (name == "base") return trial.base->name;
  if (name == "task") return trial.task->name;
  if (name == "adapter") return trial.adapter->method;
  if (name == "seed") return std::to_string(trial.seed);
  if (name == "rank") {
    const auto rank = trial.adapter->parameters.find("rank");
    if (rank == trial.adapter->parameters.end()) return std::nullopt;
    return rank->dump();
  }
  std::optional<std::string> value;
  const bool is_path = name.find('.') != std::string::npos;
  look_at_parts(trial, [&](const std::string& path, const auto& part) {
    if (is_path && !name.starts_with(path + ".")) return false;
    for (const auto& [setting, text] : flat(path, part)) {
      if (setting != name && last_part(setting) != name) continue;
      value = text;
      return true;
    }
    return false;
  });
  return value;
}

bool value_less(const std::string& a, const std::string& b) {
  const auto x = as_number(a);
  const auto y = as_number(b);
  if (x && y && *x != *y) return *x < *y;
  return a < b;
}

bool value_equal(const std::string& a, const std::string& b) {
  const auto x = as_number(a);
  const auto y = as_number(b);
  return x && y ? *x == *y : a == b;
}

Status add_filter(const std::string& text, Filters& filters) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return invalid_argument("'" + text +
                            "' is no filter; write NAME=VALUE or NAME=VALUE,VALUE: rank=4,16.");
  }
  std::vector<std::string>& wanted = filters[text.substr(0, equals)];
  for (const std::string& value : split(text.substr(equals + 1), ','))
    wanted.push_back(value);
  return {};
}

Result<RunView> filtered(const RunView& run, const Filters& filters) {
  for (const auto& [name, wanted] : filters) {
    if (Status status = check(run, name, wanted); !status) return status.error();
  }
  RunView left = run;
  const auto fails = [&](const TrialRow& row) {
    for (const auto& [name, wanted] : filters) {
      const auto value = dimension_of(row.trial, name);
      const bool is_setting =
          name != "base" && name != "task" && name != "adapter" && name != "seed";
      if (row.is_baseline && is_setting) continue;
      if (!value || !has_value(wanted, *value)) return true;
    }
    return false;
  };
  left.trials.erase(std::remove_if(left.trials.begin(), left.trials.end(), fails),
                    left.trials.end());
  if (left.trials.empty()) {
    return invalid_argument("no trial of run '" + run.name +
                            "' passes all the filters together; leave one out.");
  }
  return left;
}

}  // namespace plateau::results
