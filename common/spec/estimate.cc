#include "common/spec/estimate.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/text.h"
#include "common/spec/methods.h"

namespace plateau {
namespace {

double rows_of(std::int64_t size, std::int64_t there) {
  if (size == 0) return static_cast<double>(there);
  return static_cast<double>(there == 0 ? size : std::min(size, there));
}

// All of a trial that estimate_trial() looks at: a sweep has few different ones.
auto what_costs(const PlannedTrial& trial) {
  return std::tuple(trial.base.get(), trial.task.get(), trial.adapter.get(), trial.protocol.get(),
                    trial.optimizer->epochs);
}

}  // namespace

TrialEstimate estimate_trial(const Trial& trial, const BaseSource& base, const TaskSource& task) {
  const auto longest = static_cast<double>(trial.task.max_length);
  const double tokens = task.mean_tokens > 0 ? std::min(task.mean_tokens, longest) : longest;
  const double train_rows = rows_of(trial.task.train_size, task.train_rows);
  const double validation = rows_of(trial.task.validation_size, 0) * tokens;
  const double test = rows_of(trial.task.test_size, 0) * tokens;
  const MethodSchema* method = find_method(trial.adapter.method);
  TrialEstimate estimate;
  if (trial.adapter.method == "majority") return estimate;  // It runs no model.
  if (method != nullptr && method->is_baseline) {
    // A probe reads every text once through the frozen base.
    estimate.evaluation_tokens = train_rows * tokens + validation + test;
  } else {
    estimate.train_tokens = train_rows * tokens * trial.optimizer.epochs;
    estimate.evaluation_tokens =
        validation * static_cast<double>(trial.protocol.evaluations) + test;
  }
  estimate.flops = estimate.train_tokens * training_flops_per_token(base.facts, trial) +
                   estimate.evaluation_tokens * evaluation_flops_per_token(base.facts, trial);
  return estimate;
}

double estimate_seconds(const SweepPlan& plan, const Sources& sources, const TrialSeconds& seconds,
                        const std::set<std::string>& done) {
  double sum = 0;
  std::map<decltype(what_costs({})), double> known;
  for (const PlannedTrial& planned : plan.trials) {
    if (!done.empty() && done.count(hex_of(planned.keys.trial)) != 0) continue;
    const auto [cached, is_new] = known.try_emplace(what_costs(planned));
    if (is_new) {
      const auto base = sources.bases.find(planned.base->name);
      const auto task = sources.tasks.find(planned.task->name);
      if (base == sources.bases.end() || task == sources.tasks.end()) continue;
      const Trial trial = planned.trial();
      cached->second = seconds(trial, estimate_trial(trial, base->second, task->second));
    }
    sum += cached->second;
  }
  return sum;
}

}  // namespace plateau
