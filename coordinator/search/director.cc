#include "coordinator/search/director.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/spec/task_kinds.h"

namespace plateau::search {
namespace {

Method method_of(SearchMethod method) {
  switch (method) {
    case SearchMethod::kSobol:
      return Method::kSobol;
    case SearchMethod::kTpe:
      return Method::kTpe;
    case SearchMethod::kBayes:
      return Method::kBayes;
    case SearchMethod::kGrid:
    case SearchMethod::kRandom:
      break;
  }
  return Method::kRandom;
}

struct RuleOf {
  std::optional<Rule> operator()(std::monostate) const { return std::nullopt; }
  std::optional<Rule> operator()(const plateau::Hyperband& asked) const {
    WandbHyperband rule;
    rule.brackets = asked.max_iter ? brackets_from_max(*asked.max_iter, asked.brackets, asked.eta)
                                   : brackets_from_min(asked.min_iter.value_or(1), asked.eta);
    rule.eta = asked.eta;
    rule.strict = asked.strict;
    return rule;
  }
  std::optional<Rule> operator()(const Asha& asked) const {
    return SuccessiveHalving{asked.min_iter, asked.eta, 1};
  }
  std::optional<Rule> operator()(const MedianStopping& asked) const {
    return Median{asked.min_iter, asked.min_trials};
  }
  std::optional<Rule> operator()(const plateau::Patience& asked) const {
    return search::Patience{asked.iterations, asked.min_delta};
  }
};

Curve curve_of(const std::map<std::int64_t, double>& losses) {
  Curve curve;
  for (const auto& [step, loss] : losses)
    curve.push_back(loss);
  return curve;
}

}  // namespace

TrackedTrial tracked(TrialId id, const Trial& trial, const std::string& cell) {
  return {id, cell, trial.base.name + '\n' + trial.task.name};
}

Result<Director> Director::of(const Sweep& sweep, const Sources& sources) {
  Director director(sweep, sources);
  director.rule_ = std::visit(RuleOf{}, sweep.search.early_terminate);
  if (sweep.search.method == SearchMethod::kGrid) {
    director.why_done_ = "a grid is planned as a whole";
    return director;
  }
  Result<SweepSpace> space = SweepSpace::of(sweep);
  if (!space) return space.error();
  director.space_ = std::move(*space);
  return director;
}

Result<std::vector<PlannedTrial>> Director::trials_of(const Point& point) const {
  Result<SweepPlan> plan = expand(space_->at(point), sources_);
  if (!plan) return plan.error();
  return std::move(plan->trials);
}

void Director::add_cell(Point point, const std::vector<TrackedTrial>& trials) {
  CellProgress cell{std::move(point), {}};
  for (const TrackedTrial& trial : trials) {
    cell.trials.push_back(trial.id);
    add_trial(trial);
  }
  cells_.push_back(std::move(cell));
}

void Director::add_trial(const TrackedTrial& trial) {
  Progress progress;
  progress.trial = trial;
  trials_.emplace(trial.id, std::move(progress));
}

void Director::evaluated(TrialId trial, std::int64_t step, double value) {
  const auto found = trials_.find(trial);
  if (found == trials_.end()) return;
  Progress& progress = found->second;
  // A trial that goes on from a checkpoint repeats evaluations; those were judged.
  if (!has_stop_metric() && progress.losses.count(step) == 0) progress.due = true;
  progress.losses[step] = loss_of(value);
}

void Director::evaluated_to_stop(TrialId trial, std::int64_t step, double value) {
  const auto found = trials_.find(trial);
  if (found == trials_.end() || !has_stop_metric()) return;
  Progress& progress = found->second;
  if (progress.stop_losses.count(step) == 0) progress.due = true;
  progress.stop_losses[step] = stops_by_more() ? -value : value;
}

bool Director::stops_by_more() const {
  return has_stop_metric() ? !lower_is_better(sweep_.search.stop_metric) : sweep_.maximize;
}

void Director::ended(TrialId trial, TrialEnd end, std::optional<double> value) {
  const auto found = trials_.find(trial);
  if (found == trials_.end()) return;
  Progress& progress = found->second;
  progress.end = end;
  if (value) progress.final_loss = loss_of(*value);
  if (!progress.final_loss && !progress.losses.empty()) {
    progress.final_loss = progress.losses.rbegin()->second;
  }
  if (end == TrialEnd::kFinished) longest_ = std::max(longest_, progress.losses.size());
  const std::optional<double>& target = sweep_.search.budgets.target;
  if (target && end == TrialEnd::kFinished && progress.final_loss && target_reached_.empty() &&
      *progress.final_loss <= loss_of(*target)) {
    target_reached_ =
        "trial " + std::to_string(trial.value) + " reached the target of " + format_number(*target);
    if (why_done_.empty()) why_done_ = target_reached_;
  }
}

std::variant<Running, Finished, Stopped, Failed> Director::outcome(const CellProgress& cell) const {
  double finished_sum = 0;
  std::size_t finished = 0;
  std::optional<Stopped> stopped;
  for (const TrialId id : cell.trials) {
    const Progress& progress = trials_.at(id);
    if (!progress.end) return Running{};
    if (!progress.final_loss || !std::isfinite(*progress.final_loss)) continue;
    if (*progress.end == TrialEnd::kFinished) {
      finished_sum += *progress.final_loss;
      ++finished;
    } else if (*progress.end == TrialEnd::kStopped) {
      const double whole = static_cast<double>(std::max(longest_, progress.losses.size() + 1));
      stopped = Stopped{*progress.final_loss, static_cast<double>(progress.losses.size()) / whole};
    }
  }
  if (finished > 0) return Finished{finished_sum / static_cast<double>(finished)};
  if (stopped) return *stopped;
  return Failed{};
}

History Director::history() const {
  History history;
  for (const CellProgress& cell : cells_)
    history.push_back({cell.point, outcome(cell)});
  return history;
}

std::optional<ProposedCell> Director::propose() {
  if (!why_done_.empty()) return std::nullopt;
  std::int64_t trials = 0;
  for (const CellProgress& cell : cells_)
    trials += static_cast<std::int64_t>(cell.trials.size());
  const std::optional<std::int64_t>& most = sweep_.search.budgets.max_trials;
  if (most && trials >= *most) {
    why_done_ = std::to_string(trials) + " trials were proposed (max_trials, run_cap)";
    return std::nullopt;
  }
  const Options options{method_of(sweep_.search.method), sweep_.search.seed, 10};
  std::optional<Proposal> proposal = search::propose(space_->space(), history(), options);
  if (!proposal) {
    why_done_ = "every point of the space was proposed";
    return std::nullopt;
  }
  ProposedCell cell;
  cell.point = std::move(proposal->point);
  cell.reason = std::move(proposal->reason);
  Result<std::vector<PlannedTrial>> planned = trials_of(cell.point);
  if (!planned) {
    cell.problem = planned.error().message;
    return cell;
  }
  cell.trials = std::move(*planned);
  if (most && static_cast<std::int64_t>(cell.trials.size()) > *most - trials) {
    cell.trials.resize(static_cast<std::size_t>(*most - trials));
  }
  return cell;
}

// Its siblings' mean would be over the lucky ones alone.
bool Director::has_finished_sibling(const Progress& progress) const {
  return std::any_of(trials_.begin(), trials_.end(), [&](const auto& entry) {
    const Progress& other = entry.second;
    return other.trial.cell == progress.trial.cell && other.end == TrialEnd::kFinished;
  });
}

std::optional<std::string> Director::judge(const Progress& progress) const {
  if (!sweep_.search.stops_replicates && has_finished_sibling(progress)) return std::nullopt;
  if (const auto* asha = std::get_if<Asha>(&sweep_.search.early_terminate)) {
    const auto now = static_cast<std::int64_t>(judged_losses(progress).size());
    if (asha->max_iter && now >= *asha->max_iter) return std::nullopt;
  }
  std::vector<Curve> curves;
  std::size_t place = 0;
  for (const auto& [id, other] : trials_) {
    if (other.trial.comparable != progress.trial.comparable) continue;
    if (id == progress.trial.id) place = curves.size();
    curves.push_back(curve_of(judged_losses(other)));
  }
  return why_stop(*rule_, curves, place, stops_by_more());
}

std::vector<StopDecision> Director::stops() {
  std::vector<StopDecision> decisions;
  for (auto& [id, progress] : trials_) {
    if (!progress.due) continue;
    progress.due = false;
    if (!rule_ || progress.end) continue;
    if (std::optional<std::string> reason = judge(progress)) {
      decisions.push_back({id, std::move(*reason)});
    }
  }
  return decisions;
}

}  // namespace plateau::search
