#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "common/base/text.h"
#include "common/spec/base_tensors.h"
#include "common/spec/grid.h"
#include "common/spec/obstacle.h"
#include "common/spec/search_ends.h"
#include "common/spec/sweep.h"
#include "common/spec/task_kinds.h"
#include "common/spec/trial_parts.h"
#include "common/spec/trial_texts.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Place place_of(const Cell& cell, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = cell.values.find(name);
    if (found != cell.values.end()) return found->second->origin->place;
  }
  return {"the sweep", 0, 0};
}

std::string text_of(const Cell& cell, const char* name) {
  const auto found = cell.values.find(name);
  return found == cell.values.end() ? "" : found->second->value.get<std::string>();
}

void check_quantization(const Cell& cell, const Trial& trial, const BaseSource& base,
                        std::vector<Problem>& problems) {
  const std::string& method = trial.adapter.method;
  const Place place = place_of(cell, {"quantization", "adapter", "base"});
  const bool is_nf4 = trial.base.quantization == "nf4";
  if (is_nf4 && base.facts.in_blocks) {
    problems.push_back({place, "quantization is nf4, but " + trial.base.name +
                                   " is a GGUF file, whose blocks are used as they are; leave "
                                   "quantization out there"});
  }
  if (is_nf4 && trains_matrices(method)) {
    problems.push_back({place, method +
                                   " trains the base's matrices, which quantization nf4 keeps "
                                   "in four bits; quantise for the other methods only, with "
                                   "`when: adapter != " +
                                   method + "`"});
  }
  if (method == "qlora" && !is_nf4 && !base.facts.in_blocks) {
    problems.push_back({place,
                        "qlora is LoRA on a base in four bits, and quantization is none; "
                        "the adapter without it is lora"});
  }
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
  if (const auto reason = obstacle(base.facts, trial)) {
    problems.push_back({place_of(cell, {"adapter", "task"}), *reason});
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
  check_quantization(cell, trial, base, problems);
  if (trial.task.max_length > base.facts.max_positions) {
    problems.push_back({place_of(cell, {"max_length", "task"}),
                        "max_length is " + std::to_string(trial.task.max_length) + "; " +
                            trial.base.name + " has " + std::to_string(base.facts.max_positions) +
                            " positions"});
  }
}

class Expansion {
 public:
  Expansion(const Sweep& sweep, const Sources& sources, bool is_sample)
      : sweep_(sweep), sources_(sources), is_sample_(is_sample) {}

  // nullopt: there are problems().
  std::optional<SweepPlan> run() {
    std::vector<std::string> excluded;
    grid_cells(sweep_, problems_, excluded, [this](const Cell& cell) { add(cell); });
    if (!is_sample_) plan_.notices = std::move(excluded);
    if (!problems_.empty()) return std::nullopt;
    PLATEAU_CHECK(!rounds_.empty(), "a grid without problems has a trial");
    plan_.trials = std::move(rounds_.front());
    plan_.trials.reserve(keys_.size());
    for (std::size_t i = 1; i < rounds_.size(); ++i)
      std::move(rounds_[i].begin(), rounds_[i].end(), std::back_inserter(plan_.trials));
    rounds_.clear();
    cap();
    finish();
    return std::move(plan_);
  }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  // An adapter with its defaults, once for each combination of its own parameters.
  struct Resolved {
    std::shared_ptr<const AdapterSpec> adapter;
    std::string problem;
    std::set<std::string> looked_at;  // for check_against_base()
  };

  void add(const Cell& cell) {
    const auto base = sources_.bases.find(text_of(cell, "base"));
    const auto task = sources_.tasks.find(text_of(cell, "task"));
    if (base == sources_.bases.end() || task == sources_.tasks.end() ||
        text_of(cell, "adapter").empty()) {
      problems_.push_back({place_of(cell, {"adapter", "task", "base"}),
                           "a cell without base, task or adapter: their `when` excludes all"});
      return;
    }
    Trial trial;
    trial.base = base->second.spec;
    trial.task = task->second.spec;
    // QLoRA means a base in four bits, where it is not in a few bits already.
    if (text_of(cell, "adapter") == "qlora" && !base->second.facts.in_blocks)
      trial.base.quantization = "nf4";
    Json own = Json::object();
    for (const auto& [name, assigned] : cell.values) {
      if (name == "base" || name == "task" || name == "adapter") continue;
      if (assigned->field != nullptr) {
        assigned->field->set(trial, assigned->value);
      } else {
        own[name] = assigned->value;
      }
    }
    Resolved& resolved = resolve(text_of(cell, "adapter"), own);
    if (!resolved.adapter) {
      problems_.push_back({place_of(cell, {"adapter"}), resolved.problem});
      return;
    }
    trial.adapter = *resolved.adapter;
    if (const Status checked = check_values(trial); !checked) {
      problems_.push_back({place_of(cell, {"adapter"}), checked.error().message});
      return;
    }
    // Cells that differ in nothing of what is looked at have the same problems.
    const bool is_new = resolved.looked_at
                            .insert(base->first + '\n' + trial.task.name + '\n' +
                                    std::to_string(trial.task.max_length) + '\n' +
                                    trial.base.pooling + '\n' + trial.base.quantization)
                            .second;
    if (is_new) check_against_base(cell, trial, base->second, problems_);
    add_seeds(cell, trial, resolved.adapter);
  }

  void add_seeds(const Cell& cell, Trial& trial,
                 const std::shared_ptr<const AdapterSpec>& adapter) {
    rounds_.resize(std::max(rounds_.size(), cell.seeds.size()));
    for (std::size_t round = 0; round < cell.seeds.size(); ++round) {
      const Assigned& seed = cell.seeds[round];
      trial.seed = seed.value.get<std::uint64_t>();
      const TrialKeys keys = texts_.keys(trial);
      if (!keys_.insert(keys.trial).second && !is_sample_) {
        ++plan_.folded;
        continue;
      }
      PlannedTrial planned = planner_.plan(trial, adapter, keys);
      planned.origins = seed.origin ? cell.origins.with(seed.origin) : cell.origins;
      rounds_[round].push_back(std::move(planned));
    }
  }

  Resolved& resolve(const std::string& method, const Json& own) {
    const auto [position, is_new] = adapters_.try_emplace(method + own.dump());
    Resolved& resolved = position->second;
    if (!is_new) return resolved;
    Result<AdapterSpec> adapter = resolve_adapter({method, own});
    if (adapter) {
      resolved.adapter = std::make_shared<const AdapterSpec>(std::move(*adapter));
    } else {
      resolved.problem = adapter.error().message;
    }
    return resolved;
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
    std::unordered_set<Digest, DigestHash> cells;
    for (const PlannedTrial& trial : plan_.trials)
      cells.insert(trial.keys.cell);
    plan_.cell_count = static_cast<std::int64_t>(cells.size());
    plan_.trial_count = static_cast<std::int64_t>(plan_.trials.size());
    plan_.notices.insert(plan_.notices.begin(), sweep_.notices.begin(), sweep_.notices.end());
    if (plan_.folded > 0) {
      plan_.notices.push_back(std::to_string(plan_.folded) +
                              " trials were the same as others and are planned once");
    }
    warn_of_few();
    note_tasks_without_baselines();
    std::vector<PlannedTrial> baselines = plan_baselines(sweep_, plan_.trials);
    plan_.baseline_count = static_cast<std::int64_t>(baselines.size());
    plan_.trials.insert(plan_.trials.end(), baselines.begin(), baselines.end());
  }

  void note_tasks_without_baselines() {
    std::set<std::string> tasks;
    for (const PlannedTrial& trial : plan_.trials) {
      if (trial.task->kind == kCausalLm) tasks.insert(trial.task->name);
    }
    if (sweep_.baselines.empty() || tasks.empty()) return;
    plan_.notices.push_back("no baseline for " + join({tasks.begin(), tasks.end()}, ", ") +
                            ": language modelling has no classes to guess; the row to compare "
                            "with is the adapter `none`");
  }

  // A claim about a plateau needs a curve and its spread.
  void warn_of_few() {
    std::set<std::int64_t> ranks;
    std::unordered_map<Digest, std::int64_t, DigestHash> seeds;
    for (const PlannedTrial& trial : plan_.trials) {
      ++seeds[trial.keys.cell];
      const Json& parameters = trial.adapter->parameters;
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
  // Of what a search may choose: how many cells lack a parameter tells nothing, and trials that
  // differ in their micro-batches have one key and another size.
  bool is_sample_;
  std::vector<Problem> problems_;
  std::unordered_set<Digest, DigestHash> keys_;         // of the trials in rounds_
  std::unordered_map<std::string, Resolved> adapters_;  // by method and given parameters
  std::vector<std::vector<PlannedTrial>> rounds_;       // first seeds, second seeds, ...
  TrialTexts texts_;
  TrialPlanner planner_;
  SweepPlan plan_;
};

std::optional<SweepPlan> expand_grid(const Sweep& sweep, const Sources& sources,
                                     std::vector<Problem>& problems, bool is_sample = false) {
  Expansion expansion(sweep, sources, is_sample);
  std::optional<SweepPlan> plan = expansion.run();
  problems.insert(problems.end(), expansion.problems().begin(), expansion.problems().end());
  return plan;
}

// The sweep with the first value of everything but base and task: one cell for each of those.
Sweep first_cells(const Sweep& sweep) {
  Sweep first = sweep;
  first.search = SearchSpec{};
  first.zips.clear();
  for (SweepParameter& parameter : first.parameters) {
    if (parameter.name == "base" || parameter.name == "task") continue;
    if (parameter.distribution) {
      parameter.values = {{value_of_distribution(parameter, 0.5), parameter.place}};
      parameter.distribution.reset();
    }
    if (parameter.values.size() > 1) parameter.values.resize(1);
  }
  return first;
}

// What a search may choose at most; its mistakes are there, too. False: there are some.
bool expand_ends(const Sweep& sweep, const Sources& sources, std::vector<Problem>& problems,
                 SweepPlan& plan) {
  const std::optional<SearchEnds> ends = search_ends(sweep);
  if (!ends) {
    plan.notices.emplace_back("its values have too many combinations for an estimate");
    return true;
  }
  std::optional<SweepPlan> of_ends = expand_grid(ends->grid, sources, problems, /*is_sample=*/true);
  if (!of_ends) return false;
  plan.ends = std::move(of_ends->trials);
  if (!ends->thinned.empty()) {
    plan.notices.push_back(
        "all combinations are too many to look at: mistakes and estimates leave "
        "out values of " +
        join(ends->thinned, ", "));
  }
  return true;
}

// What is known of a search before it begins: its baselines, what its trials may be at most, and
// that those can be trained. Its trials are chosen while it runs.
std::optional<SweepPlan> expand_search(const Sweep& sweep, const Sources& sources,
                                       std::vector<Problem>& problems) {
  SweepPlan found;
  if (!expand_ends(sweep, sources, problems, found)) return std::nullopt;
  std::optional<SweepPlan> plan =
      expand_grid(first_cells(sweep), sources, problems, /*is_sample=*/true);
  if (!plan) return std::nullopt;
  plan->trials.erase(plan->trials.begin(), plan->trials.begin() + plan->trial_count);
  plan->warnings.clear();
  plan->cell_count = 0;
  plan->trial_count = 0;
  plan->ends = std::move(found.ends);
  const std::optional<std::int64_t>& most = sweep.search.budgets.max_trials;
  plan->notices.push_back("a search: its trials are chosen while it runs" +
                          (most ? ", at most " + std::to_string(*most) : std::string()));
  plan->notices.insert(plan->notices.end(), found.notices.begin(), found.notices.end());
  return plan;
}

// What looks only when a trial is over stops none.
void warn_of_a_late_look(const Sweep& sweep, SweepPlan& plan) {
  const EarlyTerminate& rule = sweep.search.early_terminate;
  if (std::holds_alternative<std::monostate>(rule)) return;
  std::int64_t most = 0;
  for (const auto* trials : {&plan.trials, &plan.ends}) {
    for (const PlannedTrial& trial : *trials)
      most = std::max(most, trial.is_baseline ? 0 : trial.protocol->evaluations);
  }
  const std::optional<std::int64_t> first = first_look(rule);
  if (most == 0 || (first && *first < most)) return;
  plan.warnings.push_back(
      sweep.search.early_terminate_place.text() + ": early_terminate stops nothing: it " +
      (first ? "may first stop a trial after evaluation " + std::to_string(*first)
             : std::string("looks at no evaluation")) +
      ", and a trial's last is number " + std::to_string(most) +
      " (evaluations); give more of those, or let it look earlier");
}

}  // namespace

std::optional<SweepPlan> expand(const Sweep& sweep, const Sources& sources,
                                std::vector<Problem>& problems) {
  std::optional<SweepPlan> plan = sweep.search.method == SearchMethod::kGrid
                                      ? expand_grid(sweep, sources, problems)
                                      : expand_search(sweep, sources, problems);
  if (plan) warn_of_a_late_look(sweep, *plan);
  return plan;
}

Result<SweepPlan> expand(const Sweep& sweep, const Sources& sources) {
  std::vector<Problem> problems;
  std::optional<SweepPlan> plan = expand(sweep, sources, problems);
  if (!plan) return problems_error(std::move(problems));
  return std::move(*plan);
}

Json resolved_json(const Sweep& sweep, const SweepPlan& plan) {
  Json trials = Json::array();
  for (const PlannedTrial& planned : plan.trials) {
    const Trial trial = planned.trial();
    trials.push_back({{"key", hex_of(planned.keys.trial)},
                      {"cell", hex_of(planned.keys.cell)},
                      {"label", trial_label(trial)},
                      {"baseline", planned.is_baseline},
                      {"trial", to_json(trial)}});
  }
  return {{"format", "plateau-sweep/1"},
          {"name", sweep.name},
          {"cells", plan.cell_count},
          {"trials", std::move(trials)}};
}

}  // namespace plateau
