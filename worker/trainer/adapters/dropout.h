// Dropout whose masks belong to a trial, a step, a sequence and a place in the model, not to the
// order in which a process draws.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"

namespace plateau::trainer {

// [sum of lengths, width] with 0 (probability p) or 1 / (1 - p). Undefined when p is 0 or the pass
// is not training: nothing to multiply with. The stream of a sequence is keyed by (seed, place,
// step, the sequence's place in the optimizer step's batch), so packs and micro-batches change no
// mask, and neither do rank and adapter.
at::Tensor dropout_mask(double p, const DropoutKey& key, std::string_view place,
                        std::span<const std::int64_t> lengths, std::int64_t width,
                        const at::TensorOptions& options);

}  // namespace plateau::trainer
