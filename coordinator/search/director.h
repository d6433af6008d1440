// The search of one run: what it has proposed and learnt, what comes next, what should stop.
//
// Pure: it is told what the store holds (cells, evaluations, ends), in the order in which it became
// known, and asked. The caller stores each answer before acting on it. Told the same in the same
// order it answers the same, so a new one after a crash goes on where the last one ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/spec/sweep.h"
#include "coordinator/search/history.h"
#include "coordinator/search/propose.h"
#include "coordinator/search/stopping.h"
#include "coordinator/search/sweep_space.h"

namespace plateau::search {

struct ProposedCell {
  Point point;
  std::string reason;                // what the choice is based on
  std::vector<PlannedTrial> trials;  // one a seed, cut to the budget; empty: `problem`
  std::string problem;               // why the cell cannot be trained
};

struct StopDecision {
  TrialId trial;
  std::string reason;
};

enum class TrialEnd { kFinished, kStopped, kFailed };

// What it needs to know of a trial.
struct TrackedTrial {
  TrialId id;
  std::string cell;        // its replicates share it
  std::string comparable;  // curves are compared within this: base and task
};
TrackedTrial tracked(TrialId id, const Trial& trial, const std::string& cell);

class Director {
 public:
  // kInvalidArgument: nothing to search over. The sweep may be a grid: then only stopping is left.
  static Result<Director> of(const Sweep& sweep, const Sources& sources);

  bool searches() const { return space_.has_value(); }
  // Of a sweep that searches.
  const SweepSpace& space() const { return *space_; }
  // The trials of a point. kInvalidArgument: it cannot be trained.
  Result<std::vector<PlannedTrial>> trials_of(const Point& point) const;

  // ---- what is known ----------------------------------------------------------------------------
  // A cell that was proposed and stored; no trials: it cannot be trained.
  void add_cell(Point point, const std::vector<TrackedTrial>& trials);
  void add_trial(const TrackedTrial& trial);
  // The validation metric at a step. One of a step that is known takes its place.
  void evaluated(TrialId trial, std::int64_t step, double value);
  // The same of `early_terminate.metric`, where the sweep has one: stops() compares these then.
  void evaluated_to_stop(TrialId trial, std::int64_t step, double value);
  // `value`: the validation metric of the result, where there is one.
  void ended(TrialId trial, TrialEnd end, std::optional<double> value);

  // ---- what follows -----------------------------------------------------------------------------
  // The next cell, beside those that run; nullopt: `why_done()`. Does not add it.
  std::optional<ProposedCell> propose();
  // Trials that should stop: each is judged once after each of its evaluations.
  std::vector<StopDecision> stops();
  // Why no more cells are proposed: all points are used up, a budget, the target. Empty: more may
  // come.
  const std::string& why_done() const { return why_done_; }
  // Which trial is as good as the sweep's `target`; empty: none. Of a grid as well.
  const std::string& target_reached() const { return target_reached_; }

 private:
  struct Progress {
    TrackedTrial trial;
    std::map<std::int64_t, double> losses;       // by step
    std::map<std::int64_t, double> stop_losses;  // of the stop metric; by step
    std::optional<TrialEnd> end;
    std::optional<double> final_loss;
    bool due = false;  // evaluated since it was judged
  };
  struct CellProgress {
    Point point;
    std::vector<TrialId> trials;
  };

  Director(Sweep sweep, Sources sources) : sweep_(std::move(sweep)), sources_(std::move(sources)) {}
  bool has_stop_metric() const { return !sweep_.search.stop_metric.empty(); }
  // What is compared to stop a trial, and whether more of it is better.
  const std::map<std::int64_t, double>& judged_losses(const Progress& progress) const {
    return has_stop_metric() ? progress.stop_losses : progress.losses;
  }
  bool stops_by_more() const;
  double loss_of(double value) const { return sweep_.maximize ? -value : value; }
  History history() const;
  std::variant<Running, Finished, Stopped, Failed> outcome(const CellProgress& cell) const;
  bool has_finished_sibling(const Progress& progress) const;
  std::optional<std::string> judge(const Progress& progress) const;

  Sweep sweep_;
  Sources sources_;
  std::optional<SweepSpace> space_;
  std::optional<Rule> rule_;
  std::vector<CellProgress> cells_;  // in the order in which they were proposed
  std::map<TrialId, Progress> trials_;
  std::size_t longest_ = 0;  // evaluations of the trial that finished with the most
  std::string why_done_;
  std::string target_reached_;
};

}  // namespace plateau::search
