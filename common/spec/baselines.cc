#include <algorithm>
#include <set>

#include "common/spec/grid.h"
#include "common/spec/methods.h"
#include "common/spec/task_kinds.h"
#include "common/spec/trial_parts.h"

namespace plateau {
namespace {

// What the numbers of a baseline depend on, beside its own parameters. The majority class depends
// on the splits alone: neither on the base nor on how texts are cut.
std::string data_of(const Trial& trial, const std::string& method) {
  nlohmann::json json = to_json(trial);
  nlohmann::json data = json["task"];
  for (const char* name : {"path", "source", "name"})
    data.erase(name);
  if (method == "majority") {
    data.erase("max_length");
  } else {
    data["base"] = {trial.base.sha256, trial.base.pooling, trial.protocol.precision};
    if (trial.base.quantization != "none") data["base"].push_back(trial.base.quantization);
  }
  return data.dump();
}

}  // namespace

std::vector<PlannedTrial> plan_baselines(const Sweep& sweep,
                                         const std::vector<PlannedTrial>& trials) {
  std::vector<PlannedTrial> planned;
  for (const SweepValue& baseline : sweep.baselines) {
    const auto method = baseline.value.get<std::string>();
    std::set<std::string> seen;
    std::vector<const Trial*> seen_trials;  // few: most trials have the data of one of these
    for (const PlannedTrial& like : trials) {
      // Nothing to guess or to fit there: the row of comparison is the adapter `none`.
      if (like.trial.task.kind == kCausalLm) continue;
      const bool known =
          std::any_of(seen_trials.begin(), seen_trials.end(), [&like](const Trial* other) {
            return same(other->base, like.trial.base) && same(other->task, like.trial.task) &&
                   other->protocol.precision == like.trial.protocol.precision;
          });
      if (known) continue;
      seen_trials.push_back(&like.trial);
      if (!seen.insert(data_of(like.trial, method)).second) continue;
      PlannedTrial trial;
      trial.trial = like.trial;
      trial.trial.optimizer = OptimizerSpec{};
      trial.trial.seed = 0;
      trial.trial.adapter = {method, nlohmann::json::object()};
      const auto parameters = resolve_method_parameters(*find_method(method), {});
      PLATEAU_CHECK(parameters.ok(), "a baseline's parameters all have defaults");
      trial.trial.adapter.parameters = parameters.value();
      trial.key = trial_key(trial.trial);
      trial.cell = cell_key(trial.trial);
      trial.label = trial_label(trial.trial);
      trial.is_baseline = true;
      for (const char* name : {"base", "task"}) {
        const auto origin = like.origins.find(name);
        if (origin != like.origins.end()) trial.origins[name] = origin->second;
      }
      trial.origins["adapter"] = {Origin::Kind::kFile, baseline.place};
      planned.push_back(std::move(trial));
    }
  }
  return planned;
}

}  // namespace plateau
