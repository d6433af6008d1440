// Prefix tuning (Li and Liang 2021, arXiv 2101.00190): trained keys and values in front of every
// text, at every layer.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// `prompt_embeddings` [tokens, layers * 2 * key width] in PEFT's order (keys and values of a layer
// side by side), standard normal or zero; without the projection through a second network.
// kInvalidArgument: no room left for a text among the base's positions, or RoBERTa, whose prefixes
// PEFT itself cannot run.
Result<std::unique_ptr<Adapter>> make_prefix(const AdapterRequest& request);

}  // namespace plateau::trainer
