#include "coordinator/cli/search_run.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "coordinator/cli/session_parts.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

// So many cells in a row that cannot be trained end the run: nearly nothing of the space can be.
constexpr std::int64_t kUntrainableMax = 100;

// The metric of a sweep that names none is its tasks'.
std::string metric_of(const Sweep& sweep, const Sources& sources) {
  if (!sweep.metric.empty() || sources.tasks.empty()) return sweep.metric;
  return sources.tasks.begin()->second.spec.metric;
}

// Places for trials that nothing waits for. Workers that end or are set aside have none.
std::int64_t free_places(const Scheduler& scheduler, TimeMs now_ms) {
  const SchedulerState& state = scheduler.state();
  std::int64_t places = -scheduler.counts().queued;
  for (const auto& [session, worker] : state.workers) {
    const auto node = state.nodes.find(worker.name);
    const bool set_aside = node != state.nodes.end() && node->second.set_aside;
    if (!worker.introduced || set_aside || worker.draining_until_ms > now_ms) continue;
    for (const auto& [index, slot] : worker.slots)
      places += slot.pack_limit_now - static_cast<std::int64_t>(slot.trials.size());
  }
  return places;
}

}  // namespace

Result<std::unique_ptr<SearchRun>> SearchRun::of(const Sweep& sweep, const Sources& sources) {
  const bool stops = !std::holds_alternative<std::monostate>(sweep.search.early_terminate) ||
                     sweep.search.budgets.target.has_value();
  if (sweep.search.method == SearchMethod::kGrid && !stops) return std::unique_ptr<SearchRun>();
  Result<search::Director> director = search::Director::of(sweep, sources);
  if (!director) return director.error();
  return std::unique_ptr<SearchRun>(
      new SearchRun(std::move(*director), metric_of(sweep, sources), sweep.search.stop_metric));
}

void SearchRun::expect(const std::vector<PlannedTrial>& trials) {
  for (const PlannedTrial& planned : trials) {
    if (planned.is_baseline) continue;
    known_.emplace(hex_of(planned.keys.trial), Known{planned.trial(), hex_of(planned.keys.cell)});
  }
}

Result<std::vector<NewTrial>> SearchRun::proposed_before(Store& store) {
  std::vector<NewTrial> trials;
  if (!director_.searches()) return trials;
  const Result<std::vector<ProposalText>> log = store.proposals();
  if (!log) return log.error();
  for (const ProposalText& each : *log) {
    // Of another space: its points mean nothing here, and its trials are not of this sweep.
    if (each.space != director_.space().fingerprint()) continue;
    const Json json = Json::parse(each.point_json, nullptr, /*allow_exceptions=*/false);
    std::optional<search::Point> point = search::point_from_json(director_.space().space(), json);
    if (!point) return corrupt("the run's log of proposals has the point " + each.point_json);
    Before before{std::move(*point), {}};
    const Result<std::vector<PlannedTrial>> planned = director_.trials_of(before.point);
    if (planned) {
      expect(*planned);
      for (const PlannedTrial& trial : *planned) {
        before.keys.push_back(hex_of(trial.keys.trial));
        trials.push_back(new_trial(trial));
      }
    }
    before_.push_back(std::move(before));
  }
  return trials;
}

Status SearchRun::begin(Store& store) {
  const Result<std::vector<EvaluatedTrial>> trials = store.evaluations(metric_);
  if (!trials) return trials.error();
  std::map<std::string, search::TrackedTrial> tracked;
  for (const EvaluatedTrial& each : *trials) {
    const auto known = known_.find(each.key);
    if (known == known_.end()) continue;
    tracked[each.key] = search::tracked(each.trial, known->second.trial, known->second.cell);
    if (!director_.searches()) director_.add_trial(tracked[each.key]);
  }
  for (Before& before : before_) {
    std::vector<search::TrackedTrial> cell;
    for (const std::string& key : before.keys)
      cell.push_back(tracked.at(key));
    director_.add_cell(std::move(before.point), cell);
  }
  for (const EvaluatedTrial& each : *trials) {
    for (const auto& [step, value] : each.values)
      director_.evaluated(each.trial, step, value);
    take_end(each.trial, each.status, value_in(each.result_json));
  }
  if (Status taken = take_stop_values(store); !taken) return taken;
  // What was decided about these was committed with them.
  (void)director_.stops();
  known_.clear();
  before_.clear();
  return {};
}

// What is stored of the metric that trials are stopped by.
Status SearchRun::take_stop_values(Store& store) {
  if (stop_metric_.empty()) return {};
  const Result<std::vector<EvaluatedTrial>> trials = store.evaluations(stop_metric_);
  if (!trials) return trials.error();
  for (const EvaluatedTrial& each : *trials) {
    for (const auto& [step, value] : each.values)
      director_.evaluated_to_stop(each.trial, step, value);
  }
  return {};
}

std::optional<double> SearchRun::value_in(const std::string& result_json) const {
  const Json json = Json::parse(result_json, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("metrics") || !json["metrics"].is_array()) {
    return std::nullopt;
  }
  for (const Json& each : json["metrics"]) {
    if (each.is_object() && each.value("split", "") == "validation" &&
        each.value("name", "") == metric_ && each.contains("value") && each["value"].is_number()) {
      return each["value"].get<double>();
    }
  }
  return std::nullopt;
}

void SearchRun::take_end(TrialId trial, TrialStatus status, std::optional<double> value) {
  switch (status) {
    case TrialStatus::kFinished:
      return director_.ended(trial, search::TrialEnd::kFinished, value);
    case TrialStatus::kStopped:
      return director_.ended(trial, search::TrialEnd::kStopped, value);
    case TrialStatus::kDiverged:
    case TrialStatus::kFailed:
      return director_.ended(trial, search::TrialEnd::kFailed, value);
    case TrialStatus::kQueued:
    case TrialStatus::kAssigned:
    case TrialStatus::kRunning:
      return;
  }
}

// One record at a time: a decision depends on the order of the results alone, not on how they were
// grouped.
std::vector<Event> SearchRun::observe(const std::vector<const Record*>& records) {
  std::vector<Event> events;
  for (const Record* record : records) {
    if (const auto* result = std::get_if<record::Result>(record)) {
      const std::optional<double> value = value_in(result->result_json);
      if (value) results_[result->attempt.trial] = *value;
    } else if (const auto* changed = std::get_if<record::TrialChanged>(record)) {
      const auto found = results_.find(changed->trial);
      take_end(changed->trial, changed->status,
               found == results_.end() ? std::nullopt : std::optional(found->second));
    } else if (const auto* metric = std::get_if<record::Metric>(record)) {
      const report::Metric& m = metric->metric;
      if (m.split != "validation") continue;
      if (m.name == metric_) director_.evaluated(metric->attempt.trial, m.step, m.value);
      if (m.name == stop_metric_) {
        director_.evaluated_to_stop(metric->attempt.trial, m.step, m.value);
      }
      for (search::StopDecision& stop : director_.stops())
        events.emplace_back(event::StopTrial{stop.trial, std::move(stop.reason)});
    }
  }
  return events;
}

// A trial of an earlier sweep of this run that the new one did not name: what it came to counts.
Status SearchRun::take_known(Store& store, const std::vector<TrialId>& ids) {
  const Result<std::vector<EvaluatedTrial>> trials = store.evaluations(metric_);
  if (!trials) return trials.error();
  for (const EvaluatedTrial& each : *trials) {
    if (std::find(ids.begin(), ids.end(), each.trial) == ids.end()) continue;
    for (const auto& [step, value] : each.values)
      director_.evaluated(each.trial, step, value);
    take_end(each.trial, each.status, value_in(each.result_json));
    const bool open = each.status == TrialStatus::kQueued ||
                      each.status == TrialStatus::kAssigned || each.status == TrialStatus::kRunning;
    // It is taken up by the next start of the run, as everything in the store is.
    if (open) director_.ended(each.trial, search::TrialEnd::kFailed, std::nullopt);
  }
  if (Status taken = take_stop_values(store); !taken) return taken;
  (void)director_.stops();
  return {};
}

// False: there is nothing to propose.
Result<bool> SearchRun::propose_one(Store& store, const Scheduler& scheduler, TimeMs wall_ms) {
  std::optional<search::ProposedCell> cell = director_.propose();
  if (!cell) return false;
  untrainable_ = cell->trials.empty() ? untrainable_ + 1 : 0;
  if (untrainable_ >= kUntrainableMax) {
    return invalid_argument("the last " + std::to_string(kUntrainableMax) +
                            " cells that the search chose cannot be trained. The newest: " +
                            cell->problem + ". Narrow the parameters that this names");
  }
  const search::SweepSpace& space = director_.space();
  const std::string problem =
      cell->problem.empty() ? "" : "; it cannot be trained: " + cell->problem;
  const ProposalText text{space.fingerprint(), search::to_json(cell->point).dump(),
                          space.values(cell->point).dump(), cell->reason + problem};
  std::vector<NewTrial> trials;
  for (const PlannedTrial& planned : cell->trials)
    trials.push_back(new_trial(planned));
  const Result<std::vector<ProposedTrial>> stored = store.put_proposal(text, trials, wall_ms);
  if (!stored) return stored.error();
  std::vector<TrialId> reused;
  const auto first_new = std::find_if(stored->begin(), stored->end(),
                                      [](const ProposedTrial& trial) { return trial.is_new; });
  if (reuse_ && first_new != stored->end()) {
    // It looks at the database through a connection of its own.
    if (Status committed = store.commit({}, wall_ms); !committed) return committed.error();
    Result<std::vector<TrialId>> taken = reuse_(first_new->facts.id);
    if (!taken) return taken.error();
    reused = std::move(*taken);
    reused_ += static_cast<std::int64_t>(reused.size());
  }
  const auto is_reused = [&reused](TrialId id) {
    return std::find(reused.begin(), reused.end(), id) != reused.end();
  };
  std::vector<search::TrackedTrial> tracked;
  std::vector<TrialId> known;
  for (std::size_t i = 0; i < stored->size(); ++i) {
    const TrialFacts& facts = (*stored)[i].facts;
    const PlannedTrial& planned = cell->trials[i];
    tracked.push_back(search::tracked(facts.id, planned.trial(), hex_of(planned.keys.cell)));
    if ((*stored)[i].is_new && !is_reused(facts.id)) {
      submitted_.push_back(facts);
    } else if (scheduler.find(facts.id) == nullptr) {
      known.push_back(facts.id);
    }
  }
  director_.add_cell(cell->point, tracked);
  if (!known.empty()) {
    if (Status taken = take_known(store, known); !taken) return taken.error();
  }
  return true;
}

Status SearchRun::fill_places(Store& store, Engine& engine, const Scheduler& scheduler,
                              const Clock& clock) {
  if (!director_.searches() || said_done_ || scheduler.state().stopping) return {};
  const std::int64_t places = free_places(scheduler, clock.monotonic_ms());
  while (!said_done_ && static_cast<std::int64_t>(submitted_.size()) < places) {
    const Result<bool> proposed = propose_one(store, scheduler, clock.wall_ms());
    if (!proposed) return proposed.error();
    said_done_ = !*proposed;
  }
  // Nothing of it will be begun, whose commit would take it along.
  if (submitted_.empty()) {
    if (Status committed = store.commit({}, clock.wall_ms()); !committed) return committed;
    if (!said_done_) return {};
  }
  if (submitted_.empty() && scheduler.counts().total() == 0) {
    if (reused_ > 0) {
      // There never was anything to train, which the scheduler does not take for an end.
      engine.post(event::StopRequested{/*drain=*/true, "every trial was taken from another run"});
      return {};
    }
    return invalid_argument(
        "no cell of the search can be trained; the table `proposals` of the "
        "run's database says why of each");
  }
  engine.post(event::TrialsSubmitted{std::exchange(submitted_, {}), /*more_expected=*/!said_done_});
  return {};
}

}  // namespace plateau::cli
