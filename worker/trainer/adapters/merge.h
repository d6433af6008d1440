// The base with some of its tensors replaced, for one trial: what a merged model computes.
#pragma once

#include <vector>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

class MergedHooks : public TrialHooks {
 public:
  MergedHooks(const Model& model, const std::vector<MergedParameter>& merged)
      : values_(model.parameters().size()) {
    for (const MergedParameter& parameter : merged)
      values_[parameter.index] = parameter.value;
  }
  at::Tensor parameter(std::size_t index) const override { return values_[index]; }

 private:
  std::vector<at::Tensor> values_;  // by Model::parameters(); undefined: the base's own
};

}  // namespace plateau::trainer
