// IA3 (Liu et al. 2022, arXiv 2205.05638): learned vectors rescale the outputs of some linear
// layers and the inputs of others.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// y = l * (W x + b) with l [out, 1] at ordinary targets, y = W (l * x) + b with l [1, in] at
// feed-forward ones, both starting at one and named and shaped as PEFT's ia3_l.
Result<std::unique_ptr<Adapter>> make_ia3(const AdapterRequest& request);

}  // namespace plateau::trainer
