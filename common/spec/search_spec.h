// How a sweep searches and when it stops: what the file says of `method`, `early_terminate` and
// budgets. coordinator/search acts on it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "common/base/clock.h"
#include "common/spec/problem.h"

namespace plateau {

enum class SearchMethod {
  kGrid,
  kRandom,
  kSobol,  // quasi-random, scrambled
  kTpe,    // tree-structured Parzen estimator
  kBayes,  // Gaussian process with expected improvement
};

// An iteration is an evaluation on the validation split: a trial has protocol.evaluations of them,
// numbered from 1.

// W&B's hyperband: brackets of rungs at min_iter * eta^k, or from max_iter down, max_iter / eta^k
// for k = 1 .. brackets. At least one of min_iter and max_iter is there.
struct Hyperband {
  std::optional<std::int64_t> min_iter;  // from 1
  std::optional<std::int64_t> max_iter;  // from 1
  std::int64_t brackets = 1;             // `s`
  double eta = 3;                        // above 1: the best 1/eta go on
  bool strict = false;                   // stop whatever is not among the best 1/eta, at every rung
};
// Asynchronous successive halving: one bracket, rungs at min_iter * eta^k up to max_iter.
struct Asha {
  std::int64_t min_iter = 1;
  std::optional<std::int64_t> max_iter;  // absent: the trial's evaluations
  double eta = 3;
};
// Stops a trial whose best value so far is worse than the median of the others' means up to the
// same iteration.
struct MedianStopping {
  std::int64_t min_iter = 1;
  std::int64_t min_trials = 5;  // others that have come as far
};
// Stops a trial that has not improved by more than min_delta for so many iterations.
struct Patience {
  std::int64_t iterations = 3;
  double min_delta = 0;
};
using EarlyTerminate = std::variant<std::monostate, Hyperband, Asha, MedianStopping, Patience>;

// The first evaluation after which it may stop a trial; nullopt: there is none.
std::optional<std::int64_t> first_look(const EarlyTerminate& rule);

// Whichever is reached first ends the search; trials that run then are finished.
struct Budgets {
  std::optional<std::int64_t> max_trials;  // `max_trials` or W&B's `run_cap`; without baselines
  std::optional<DurationMs> max_time_ms;   // of the run
  std::optional<double> max_gpu_hours;     // summed over devices
  std::optional<double> target;            // of the validation metric: good enough

  // A target may never be reached, so it ends nothing for certain.
  bool has_cap() const { return max_trials || max_time_ms || max_gpu_hours; }
};

struct SearchSpec {
  SearchMethod method = SearchMethod::kGrid;
  Place method_place;
  std::uint64_t seed = 0;  // `search_seed`: of the search's own draws, not of the trials
  EarlyTerminate early_terminate;
  Place early_terminate_place;
  // What early_terminate compares, of the validation split; empty: the sweep's metric. A loss ranks
  // trials that have the same accuracy.
  std::string stop_metric;
  Place stop_metric_place;
  // A replicate of a cell that has finished siblings is never stopped (that would bias mean and
  // deviation), unless `early_terminate: {replicates: true}`.
  bool stops_replicates = false;
  Budgets budgets;
  std::map<std::string, Place> budget_places;  // by the key in the file: those that it gives
};

}  // namespace plateau
