#include "common/spec/estimate.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/text.h"
#include "common/spec/methods.h"

namespace plateau {
namespace {

double rows_of(std::int64_t size, std::int64_t there) {
  if (size == 0) return static_cast<double>(there);
  return static_cast<double>(there == 0 ? size : std::min(size, there));
}

// All of a trial that estimate_trial() looks at: a sweep has few different ones.
std::string what_costs(const Trial& trial) {
  std::string text = trial.base.name + '\n' + trial.base.pooling + '\n' + trial.task.name;
  for (const std::int64_t number :
       {trial.task.train_size, trial.task.validation_size, trial.task.test_size,
        trial.task.max_length, trial.protocol.evaluations}) {
    text += '\n' + std::to_string(number);
  }
  return text + '\n' + format_number(trial.optimizer.epochs) + '\n' + trial.adapter.method +
         trial.protocol.precision + trial.adapter.parameters.dump();
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
  std::unordered_map<std::string, double> known;
  for (const PlannedTrial& planned : plan.trials) {
    if (done.count(planned.key) != 0) continue;
    const auto [cached, is_new] = known.try_emplace(what_costs(planned.trial));
    if (is_new) {
      const auto base = sources.bases.find(planned.trial.base.name);
      const auto task = sources.tasks.find(planned.trial.task.name);
      if (base == sources.bases.end() || task == sources.tasks.end()) continue;
      cached->second =
          seconds(planned.trial, estimate_trial(planned.trial, base->second, task->second));
    }
    sum += cached->second;
  }
  return sum;
}

}  // namespace plateau
