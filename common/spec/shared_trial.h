// One of very many trials, which differ in little: parts that are equal are there once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/spec/trial.h"

namespace plateau {

// As in Trial.
struct SharedTrial {
  std::shared_ptr<const BaseSpec> base;
  std::shared_ptr<const TaskSpec> task;
  std::shared_ptr<const AdapterSpec> adapter;
  std::shared_ptr<const OptimizerSpec> optimizer;
  std::shared_ptr<const ProtocolSpec> protocol;
  std::uint64_t seed = 0;
  std::int64_t micro_batch_size = 0;
  std::int64_t checkpoint_every_s = 0;
  bool recompute_activations = false;

  Trial trial() const;
};

// Makes one object of all equal parts of the trials that it is given.
class TrialSharer {
 public:
  SharedTrial share(const Trial& trial);
  // For who knows by other means which adapters are equal.
  SharedTrial share(const Trial& trial, std::shared_ptr<const AdapterSpec> adapter);

 private:
  template <typename Part>
  struct Pool {
    std::map<Part, std::shared_ptr<const Part>> all;
    std::shared_ptr<const Part> last;
  };
  template <typename Part>
  static const std::shared_ptr<const Part>& shared(Pool<Part>& pool, const Part& part);

  Pool<BaseSpec> bases_;
  Pool<TaskSpec> tasks_;
  // By method and JSON text: 8 and 8.0 are equal as JSON, and their texts are not.
  std::map<std::string, std::shared_ptr<const AdapterSpec>> adapters_;
  Pool<OptimizerSpec> optimizers_;
  Pool<ProtocolSpec> protocols_;
};

}  // namespace plateau
