// What both stores make of a sweep's trials: keys, facts, rounds. Pure.
#pragma once

#include <string>

#include "coordinator/store/store.h"

namespace plateau {

// `key`: trial_key(trial), where it is known already.
TrialText text_of(const Trial& trial, const std::string& key = "");

// round: how many trials of its cell came before it.
TrialFacts facts_of(const NewTrial& trial, TrialId id, std::int64_t round);

}  // namespace plateau
