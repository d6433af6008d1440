#include "common/spec/shared_trial.h"

#include <utility>

namespace plateau {

Trial SharedTrial::trial() const {
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
const std::shared_ptr<const Part>& TrialSharer::shared(Pool<Part>& pool, const Part& part) {
  if (pool.last && *pool.last == part) return pool.last;
  std::shared_ptr<const Part>& known = pool.all[part];
  if (!known) known = std::make_shared<const Part>(part);
  return pool.last = known;
}

SharedTrial TrialSharer::share(const Trial& trial) {
  std::shared_ptr<const AdapterSpec>& adapter =
      adapters_[trial.adapter.method + trial.adapter.parameters.dump()];
  if (!adapter) adapter = std::make_shared<const AdapterSpec>(trial.adapter);
  return share(trial, adapter);
}

SharedTrial TrialSharer::share(const Trial& trial, std::shared_ptr<const AdapterSpec> adapter) {
  SharedTrial one;
  one.base = shared(bases_, trial.base);
  one.task = shared(tasks_, trial.task);
  one.adapter = std::move(adapter);
  one.optimizer = shared(optimizers_, trial.optimizer);
  one.protocol = shared(protocols_, trial.protocol);
  one.seed = trial.seed;
  one.micro_batch_size = trial.micro_batch_size;
  one.checkpoint_every_s = trial.checkpoint_every_s;
  one.recompute_activations = trial.recompute_activations;
  return one;
}

}  // namespace plateau
