// Prompt tuning (Lester et al. 2021, arXiv 2104.08691): trained word embeddings in front of every
// text.
#pragma once

#include <memory>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// `prompt_embeddings` [tokens, hidden]: standard normal, or the embeddings of tokens drawn at
// random from the vocabulary. An encoder's pooler reads the first virtual token, as with PEFT.
// kInvalidArgument: no room left for a text among the base's positions.
Result<std::unique_ptr<Adapter>> make_prompt(const AdapterRequest& request);

}  // namespace plateau::trainer
