#include "coordinator/results/dimensions.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "common/base/text.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;
using Flat = std::map<std::string, std::string>;

// What a table already has a column for, or what changes no number.
const std::set<std::string>& not_settings() {
  static const std::set<std::string> names{
      "adapter.method",
      "adapter.parameters.rank",
      "base.name",
      "base.path",
      "base.sha256",
      "base.source",
      "format",
      "checkpoint_every_s",
      "task.name",
      "task.path",
      "seed",
      "micro_batch_size",
      "task.sha256",
      "task.source",
      "recompute_activations",
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
  for (const TrialRow& row : run.trials) {
    for (const auto& [path, value] : settings_of(row.trial))
      names.insert(path.substr(path.rfind('.') + 1));
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

std::map<std::string, std::string> settings_of(const Trial& trial) {
  Flat flat;
  flatten(to_json(trial), "", flat);
  return flat;
}

std::optional<std::string> dimension_of(const Trial& trial, const std::string& name) {
  if (name == "base") return trial.base.name;
  if (name == "task") return trial.task.name;
  if (name == "adapter") return trial.adapter.method;
  if (name == "seed") return std::to_string(trial.seed);
  if (name == "rank") {
    const auto rank = trial.adapter.parameters.find("rank");
    if (rank == trial.adapter.parameters.end()) return std::nullopt;
    return rank->dump();
  }
  for (const auto& [path, value] : settings_of(trial)) {
    if (path == name || path.substr(path.rfind('.') + 1) == name) return value;
  }
  return std::nullopt;
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
