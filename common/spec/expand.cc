#include <algorithm>
#include <cmath>
#include <set>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/grid.h"
#include "common/spec/sweep.h"
#include "common/spec/trial_keys.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Place place_of(const Cell& cell, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = cell.values.find(name);
    if (found != cell.values.end()) return found->second.origin.place;
  }
  return {"the sweep", 0, 0};
}

std::string text_of(const Cell& cell, const char* name) {
  const auto found = cell.values.find(name);
  return found == cell.values.end() ? "" : found->second.value.get<std::string>();
}

// Everything of the cell in the JSON form of a trial, which is then read with all its checks.
// `defaults`: the JSON of a trial of the cell's base and task.
Result<Trial> build_trial(const Cell& cell, const SweepValue& seed, const Json& defaults) {
  Json json = defaults;
  json["adapter"] = {{"method", text_of(cell, "adapter")}, {"parameters", Json::object()}};
  for (const auto& [name, assigned] : cell.values) {
    if (name == "base" || name == "task" || name == "adapter") continue;
    if (const TrialField* field = find_field(name)) {
      json[Json::json_pointer(field->json_pointer)] = assigned.value;
    } else {
      json["adapter"]["parameters"][name] = assigned.value;
    }
  }
  json["seed"] = seed.value;
  return trial_from_json(json);
}

// What the trial asks of the base: a rank, modules, layers and positions that are there.
void check_against_base(const Cell& cell, const Trial& trial, const BaseSource& base,
                        std::vector<Problem>& problems) {
  const Result<ParameterCounts> counts = count_parameters(base.facts, trial);
  if (!counts) {
    problems.push_back(
        {place_of(cell, {"target_modules", "layers", "adapter"}), counts.error().message});
    return;
  }
  const Result<RankLimit> limit = rank_limit(base.facts, trial);
  const auto rank = trial.adapter.parameters.value("rank", std::int64_t{1});
  if (limit && rank > limit.value().largest) {
    problems.push_back({place_of(cell, {"rank", "adapter"}),
                        "rank is " + std::to_string(rank) + "; the largest that " +
                            trial.adapter.method + " allows on " + trial.base.name + " is " +
                            std::to_string(limit.value().largest) + ", since " +
                            limit.value().module});
  }
  if (trial.task.max_length > base.facts.max_positions) {
    problems.push_back({place_of(cell, {"max_length", "task"}),
                        "max_length is " + std::to_string(trial.task.max_length) + "; " +
                            trial.base.name + " has " + std::to_string(base.facts.max_positions) +
                            " positions"});
  }
}

class Expansion {
 public:
  Expansion(const Sweep& sweep, const Sources& sources) : sweep_(sweep), sources_(sources) {}

  Result<SweepPlan> run() {
    const std::vector<Cell> cells = grid_cells(sweep_, problems_, plan_.notices);
    if (!problems_.empty()) return problems_error(problems_);
    std::size_t rounds = 0;
    for (const Cell& cell : cells)
      rounds = std::max(rounds, cell.seeds.size());
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const Cell& cell : cells) {
        if (round < cell.seeds.size()) add(cell, cell.seeds[round], round == 0);
      }
    }
    if (!problems_.empty()) return problems_error(problems_);
    PLATEAU_CHECK(!plan_.trials.empty(), "a grid without problems has a trial");
    cap();
    finish();
    return std::move(plan_);
  }

 private:
  void add(const Cell& cell, const SweepValue& seed, bool check) {
    const auto base = sources_.bases.find(text_of(cell, "base"));
    const auto task = sources_.tasks.find(text_of(cell, "task"));
    if (base == sources_.bases.end() || task == sources_.tasks.end() ||
        text_of(cell, "adapter").empty()) {
      problems_.push_back({place_of(cell, {"adapter", "task", "base"}),
                           "a cell without base, task or adapter: their `when` excludes all"});
      return;
    }
    Result<Trial> trial = build_trial(cell, seed, defaults_of(*base, *task));
    if (!trial) {
      problems_.push_back({place_of(cell, {"adapter"}), trial.error().message});
      return;
    }
    if (check && is_new_to_its_base(base->first, *trial)) {
      check_against_base(cell, *trial, base->second, problems_);
    }
    TrialKeys keys = trial_keys(*trial);
    std::string label = trial_label(*trial);
    PlannedTrial planned{std::move(*trial),
                         std::move(keys.trial),
                         std::move(keys.cell),
                         std::move(label),
                         false,
                         {}};
    if (!keys_.insert(planned.key).second) {
      ++plan_.folded;
      return;
    }
    for (const auto& [name, assigned] : cell.values)
      planned.origins[name] = assigned.origin;
    if (seed.place.source != "default") planned.origins["seed"] = {Origin::Kind::kFile, seed.place};
    plan_.trials.push_back(std::move(planned));
  }

  const Json& defaults_of(const std::pair<const std::string, BaseSource>& base,
                          const std::pair<const std::string, TaskSource>& task) {
    Json& json = defaults_[{base.first, task.first}];
    if (json.is_null()) {
      Trial defaults;
      defaults.base = base.second.spec;
      defaults.task = task.second.spec;
      json = to_json(defaults);
    }
    return json;
  }

  // What check_against_base() looks at: cells that differ in nothing of it have the same problems.
  bool is_new_to_its_base(const std::string& base, const Trial& trial) {
    return looked_at_
        .insert(base + '\n' + trial.task.name + '\n' + std::to_string(trial.task.max_length) +
                '\n' + trial.base.pooling + '\n' + trial.adapter.method +
                trial.adapter.parameters.dump())
        .second;
  }

  void cap() {
    const auto count = static_cast<std::int64_t>(plan_.trials.size());
    const std::optional<std::int64_t>& most = sweep_.search.budgets.max_trials;
    if (!most || *most >= count) return;
    plan_.notices.push_back("the first " + std::to_string(*most) + " of " + std::to_string(count) +
                            " trials are planned (max_trials, run_cap)");
    plan_.trials.resize(static_cast<std::size_t>(*most));
  }

  void finish() {
    std::set<std::string> cells;
    for (const PlannedTrial& trial : plan_.trials)
      cells.insert(trial.cell);
    plan_.cell_count = static_cast<std::int64_t>(cells.size());
    plan_.trial_count = static_cast<std::int64_t>(plan_.trials.size());
    plan_.notices.insert(plan_.notices.begin(), sweep_.notices.begin(), sweep_.notices.end());
    if (plan_.folded > 0) {
      plan_.notices.push_back(std::to_string(plan_.folded) +
                              " trials were the same as others and are planned once");
    }
    warn_of_few();
    std::vector<PlannedTrial> baselines = plan_baselines(sweep_, plan_.trials);
    plan_.baseline_count = static_cast<std::int64_t>(baselines.size());
    plan_.trials.insert(plan_.trials.end(), baselines.begin(), baselines.end());
  }

  // A claim about a plateau needs a curve and its spread.
  void warn_of_few() {
    std::set<std::int64_t> ranks;
    std::map<std::string, std::int64_t> seeds;
    for (const PlannedTrial& trial : plan_.trials) {
      ++seeds[trial.cell];
      const Json& parameters = trial.trial.adapter.parameters;
      if (parameters.contains("rank")) ranks.insert(parameters["rank"].get<std::int64_t>());
    }
    std::int64_t fewest = kMaxTrials;
    for (const auto& [cell, count] : seeds)
      fewest = std::min(fewest, count);
    if (ranks.size() < 2 || (fewest >= 5 && ranks.size() >= 5)) return;
    plan_.warnings.push_back(std::to_string(fewest) + (fewest == 1 ? " seed" : " seeds") + " and " +
                             std::to_string(ranks.size()) +
                             " ranks are too few to show a plateau; five of each are a start");
  }

  const Sweep& sweep_;
  const Sources& sources_;
  std::vector<Problem> problems_;
  std::set<std::string> keys_;
  std::map<std::pair<std::string, std::string>, Json> defaults_;  // by base and task
  std::set<std::string> looked_at_;
  SweepPlan plan_;
};

// The sweep with the first value of everything but base and task: one cell for each of those.
Sweep first_cells(const Sweep& sweep) {
  Sweep first = sweep;
  first.search = SearchSpec{};
  first.zips.clear();
  for (SweepParameter& parameter : first.parameters) {
    if (parameter.name == "base" || parameter.name == "task") continue;
    if (parameter.distribution) {
      const ParameterSchema* schema = parameter_schema(parameter.name);
      const double middle = value_at(*parameter.distribution, 0.5);
      const bool whole = schema != nullptr && schema->type == ParameterType::kInteger;
      parameter.values = {
          {whole ? Json(static_cast<std::int64_t>(std::llround(middle))) : Json(middle),
           parameter.place}};
      parameter.distribution.reset();
    }
    if (parameter.values.size() > 1) parameter.values.resize(1);
  }
  return first;
}

// What is known of a search before it begins: its baselines, and that its first cells can be
// trained. Its trials are chosen while it runs.
Result<SweepPlan> plan_search(const Sweep& sweep, const Sources& sources) {
  Result<SweepPlan> plan = Expansion(first_cells(sweep), sources).run();
  if (!plan) return plan;
  plan->trials.erase(plan->trials.begin(), plan->trials.begin() + plan->trial_count);
  plan->warnings.clear();
  plan->cell_count = 0;
  plan->trial_count = 0;
  const std::optional<std::int64_t>& most = sweep.search.budgets.max_trials;
  plan->notices.push_back("a search: its trials are chosen while it runs" +
                          (most ? ", at most " + std::to_string(*most) : std::string()));
  return plan;
}

}  // namespace

Result<SweepPlan> expand(const Sweep& sweep, const Sources& sources) {
  if (sweep.search.method != SearchMethod::kGrid) return plan_search(sweep, sources);
  return Expansion(sweep, sources).run();
}

Json resolved_json(const Sweep& sweep, const SweepPlan& plan) {
  Json trials = Json::array();
  for (const PlannedTrial& planned : plan.trials) {
    trials.push_back({{"key", planned.key},
                      {"cell", planned.cell},
                      {"label", planned.label},
                      {"baseline", planned.is_baseline},
                      {"trial", to_json(planned.trial)}});
  }
  return {{"format", "plateau-sweep/1"},
          {"name", sweep.name},
          {"cells", plan.cell_count},
          {"trials", std::move(trials)}};
}

}  // namespace plateau
