// The search of a run between the store and the scheduler: what is committed goes to the Director,
// what it decides is committed and then done.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/loop/engine.h"
#include "coordinator/search/director.h"
#include "coordinator/store/store.h"

namespace plateau::cli {

class SearchRun {
 public:
  // nullptr: the sweep is a grid without early stopping and target. kInvalidArgument: nothing to
  // search over.
  static Result<std::unique_ptr<SearchRun>> of(const Sweep& sweep, const Sources& sources);

  // The trials of the cells that were proposed before, for Store::put_sweep().
  Result<std::vector<NewTrial>> proposed_before(Store& store);
  // A grid's trials, which may be stopped. Before begin().
  void expect(const std::vector<PlannedTrial>& trials);
  // After put_sweep: what the trials have come to.
  Status begin(Store& store);

  // Proposes cells; else it only stops trials.
  bool searches() const { return director_.searches(); }
  // Whether another cell would be proposed now.
  bool goes_on() { return director_.propose().has_value(); }
  // Why no more cells are proposed; empty: more may come, or it is a grid.
  std::string why_done() const { return director_.searches() ? director_.why_done() : ""; }
  // Which trial is good enough to end a grid; empty: none, or a search, which ends by itself.
  std::string target_reached() const {
    return director_.searches() ? "" : director_.target_reached();
  }

  // Asked after each proposal: which of the new trials, from `first` on, have ended by the result
  // of another run.
  using Reuse = std::function<Result<std::vector<TrialId>>(TrialId first)>;
  void set_reuse(Reuse reuse) { reuse_ = std::move(reuse); }

  // EngineParts::observe: the trials to stop.
  std::vector<Event> observe(const std::vector<const Record*>& records);

  // Proposes cells for the places that are free, stores and submits them; says once when there will
  // be no more. Between rounds.
  Status fill_places(Store& store, Engine& engine, const Scheduler& scheduler, const Clock& clock);

 private:
  SearchRun(search::Director director, std::string metric, std::string stop_metric)
      : director_(std::move(director)),
        metric_(std::move(metric)),
        stop_metric_(std::move(stop_metric)) {}

  std::optional<double> value_in(const std::string& result_json) const;
  void take_end(TrialId trial, TrialStatus status, std::optional<double> value);
  Status take_stop_values(Store& store);
  Status take_known(Store& store, const std::vector<TrialId>& ids);
  Result<bool> propose_one(Store& store, const Scheduler& scheduler, TimeMs wall_ms);

  struct Known {
    Trial trial;
    std::string cell;
  };
  struct Before {
    search::Point point;
    std::vector<std::string> keys;
  };

  search::Director director_;
  std::string metric_;
  std::string stop_metric_;             // empty: trials are stopped by metric_
  std::map<std::string, Known> known_;  // by key, until begin()
  std::vector<Before> before_;          // cells of before, in order, until begin()
  std::map<TrialId, double> results_;   // of trials whose end was not seen yet
  std::vector<TrialFacts> submitted_;   // stored, and not posted yet
  std::int64_t untrainable_ = 0;        // cells in a row
  bool said_done_ = false;
  std::int64_t reused_ = 0;
  Reuse reuse_;  // empty: nothing is taken from other runs
};

}  // namespace plateau::cli
