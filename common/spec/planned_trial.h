// A trial of a plan. There may be 100,000 of them, which differ in little: what is equal is there
// once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/spec/origins.h"
#include "common/spec/trial.h"
#include "common/spec/trial_keys.h"

namespace plateau {

struct PlannedTrial {
  // As in Trial.
  std::shared_ptr<const BaseSpec> base;
  std::shared_ptr<const TaskSpec> task;
  std::shared_ptr<const AdapterSpec> adapter;
  std::shared_ptr<const OptimizerSpec> optimizer;
  std::shared_ptr<const ProtocolSpec> protocol;
  std::uint64_t seed = 0;
  std::int64_t micro_batch_size = 0;
  std::int64_t checkpoint_every_s = 0;
  bool recompute_activations = false;

  bool is_baseline = false;
  TrialKeys keys{};
  Origins origins;

  Trial trial() const;
};

// Makes planned trials, and one object of all equal parts but the adapter.
class TrialPlanner {
 public:
  PlannedTrial plan(const Trial& trial, std::shared_ptr<const AdapterSpec> adapter,
                    const TrialKeys& keys);

 private:
  template <typename Part>
  struct Pool {
    std::map<Part, std::shared_ptr<const Part>> all;
    std::shared_ptr<const Part> last;
  };
  template <typename Part>
  static const std::shared_ptr<const Part>& share(Pool<Part>& pool, const Part& part);

  Pool<BaseSpec> bases_;
  Pool<TaskSpec> tasks_;
  Pool<OptimizerSpec> optimizers_;
  Pool<ProtocolSpec> protocols_;
};

}  // namespace plateau
