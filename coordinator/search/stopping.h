// Which trials are not worth going on with? Rules over learning curves; pure, like the search.
//
// A loss is lower-is-better. An evaluation is the unit of time of every rule: the n-th value of the
// validation metric that a trial reports, counted from 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace plateau::search {

// One trial's losses, in the order of its evaluations. A loss that is not finite is never good.
using Curve = std::vector<double>;

// Asynchronous successive halving (Li et al. 2020), its stopping variant: at min_iter * eta^k
// evaluations a trial goes on when it is among the best 1 / eta of all that were there so far
// (rungs are rounded). With `brackets` above 1 it is asynchronous Hyperband (Li et al. 2018): trial
// i follows bracket i mod brackets, whose first rung is min_iter * eta^bracket, and is compared
// within its bracket.
struct SuccessiveHalving {
  std::int64_t min_iter = 1;
  double eta = 3;
  std::int64_t brackets = 1;
};

// Weights & Biases' `hyperband`: at fixed evaluations (its brackets), a trial goes on when its best
// so far is among the best 1 / eta of those that reached as far. With `strict` a trial is judged at
// every evaluation by the newest of the brackets that it has passed.
struct WandbHyperband {
  std::vector<std::int64_t> brackets;  // rising, from wandb_brackets
  double eta = 3;
  bool strict = false;
};

// Of `min_iter`: min_iter * eta^k; of `max_iter` and `s`: max_iter / eta^k for k = s, ..., 1. Below
// max_iter, each once, rising.
std::vector<std::int64_t> brackets_from_min(std::int64_t min_iter, double eta);
std::vector<std::int64_t> brackets_from_max(std::int64_t max_iter, std::int64_t s, double eta);

// The median rule (Golovin et al. 2017, but counting trials that still run): a trial stops when its
// best so far is worse than the median of the means, up to the same evaluation, of the other trials
// that have come as far.
struct Median {
  std::int64_t min_iter = 1;
  std::int64_t min_trials = 5;  // others that have come as far, before anything is stopped
};

// A trial stops when its best loss has not fallen by more than `min_delta` for `patience`
// evaluations. Looks at no other trial.
struct Patience {
  std::int64_t patience = 3;
  double min_delta = 0;
};

using Rule = std::variant<SuccessiveHalving, WandbHyperband, Median, Patience>;

// Whether `curves[trial]` should stop, judged at its newest evaluation: one sentence with the
// numbers it is based on; nullopt: it goes on. The order of `curves` is that in which trials were
// proposed. `maximized`: the losses are a metric's values with the sign turned, and the sentence
// gives the values.
std::optional<std::string> why_stop(const Rule& rule, const std::vector<Curve>& curves,
                                    std::size_t trial, bool maximized = false);

}  // namespace plateau::search
