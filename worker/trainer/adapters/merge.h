// The base with some linear layers replaced, for one trial: what a merged model computes.
#pragma once

#include <memory>
#include <vector>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// Forward only: a pass that needs gradients through it is a broken invariant. The model must
// outlive it.
class MergedHooks : public TrialHooks {
 public:
  MergedHooks(const Model& model, const std::vector<MergedLinear>& layers);
  const LinearBranch* linear(std::size_t site) const override { return branches_[site].get(); }

 private:
  std::vector<std::unique_ptr<LinearBranch>> branches_;  // by site; nullptr: the base's own
};

}  // namespace plateau::trainer
