// Methods that train tensors of the base itself, in copies of the trial's own: full fine-tuning,
// BitFit (Ben Zaken et al. 2021, arXiv 2106.10199), norms only, the last blocks, and none at all.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// Which tensors: common/spec/base_tensors.h. They start as the base's own and keep their names and
// shapes. kInvalidArgument: more blocks than the base has, or a method that finds nothing to train
// (BitFit on a base without biases).
Result<std::unique_ptr<Adapter>> make_bitfit(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_layer_norm(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_last_layers(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_full(const AdapterRequest& request);
Result<std::unique_ptr<Adapter>> make_none(const AdapterRequest& request);

}  // namespace plateau::trainer
