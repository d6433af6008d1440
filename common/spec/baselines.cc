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

Origins origins_of(const PlannedTrial& like, const Place& baseline) {
  Origins origins;
  for (const char* name : {"base", "task"}) {
    if (auto origin = like.origins.find(name)) origins = origins.with(std::move(origin));
  }
  return origins.with(std::make_shared<const Origin>(Origin{"adapter", baseline}));
}

}  // namespace

std::vector<PlannedTrial> plan_baselines(const Sweep& sweep,
                                         const std::vector<PlannedTrial>& trials) {
  std::vector<PlannedTrial> planned;
  TrialPlanner planner;
  for (const SweepValue& baseline : sweep.baselines) {
    const auto method = baseline.value.get<std::string>();
    std::set<std::string> seen;
    std::vector<const PlannedTrial*> seen_trials;  // few: most have the data of one of these
    for (const PlannedTrial& like : trials) {
      // Nothing to guess or to fit there: the row of comparison is the adapter `none`.
      if (like.task->kind == kCausalLm) continue;
      const bool known =
          std::any_of(seen_trials.begin(), seen_trials.end(), [&like](const PlannedTrial* other) {
            return other->base == like.base && other->task == like.task &&
                   other->protocol->precision == like.protocol->precision;
          });
      if (known) continue;
      seen_trials.push_back(&like);
      Trial trial = like.trial();
      if (!seen.insert(data_of(trial, method)).second) continue;
      trial.optimizer = OptimizerSpec{};
      trial.seed = 0;
      const auto parameters = resolve_method_parameters(*find_method(method), {});
      PLATEAU_CHECK(parameters.ok(), "a baseline's parameters all have defaults");
      trial.adapter = {method, parameters.value()};
      planned.push_back(planner.plan(trial, std::make_shared<const AdapterSpec>(trial.adapter),
                                     trial_keys(trial)));
      planned.back().is_baseline = true;
      planned.back().origins = origins_of(like, baseline.place);
    }
  }
  return planned;
}

}  // namespace plateau
