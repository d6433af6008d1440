#include "common/spec/planned_trial.h"

#include <utility>

namespace plateau {

Trial PlannedTrial::trial() const {
  Trial trial;
  trial.base = *base;
  trial.task = *task;
  trial.adapter = *adapter;
  trial.optimizer = *optimizer;
  trial.protocol = *protocol;
  trial.seed = seed;
  trial.micro_batch_size = micro_batch_size;
  trial.recompute_activations = recompute_activations;
  trial.checkpoint_every_s = checkpoint_every_s;
  return trial;
}

template <typename Part>
const std::shared_ptr<const Part>& TrialPlanner::share(Pool<Part>& pool, const Part& part) {
  if (pool.last && *pool.last == part) return pool.last;
  std::shared_ptr<const Part>& shared = pool.all[part];
  if (!shared) shared = std::make_shared<const Part>(part);
  return pool.last = shared;
}

PlannedTrial TrialPlanner::plan(const Trial& trial, std::shared_ptr<const AdapterSpec> adapter,
                                const TrialKeys& keys) {
  PlannedTrial planned;
  planned.base = share(bases_, trial.base);
  planned.task = share(tasks_, trial.task);
  planned.adapter = std::move(adapter);
  planned.optimizer = share(optimizers_, trial.optimizer);
  planned.protocol = share(protocols_, trial.protocol);
  planned.seed = trial.seed;
  planned.micro_batch_size = trial.micro_batch_size;
  planned.checkpoint_every_s = trial.checkpoint_every_s;
  planned.recompute_activations = trial.recompute_activations;
  planned.keys = keys;
  return planned;
}

}  // namespace plateau
