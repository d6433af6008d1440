// What both stores make of a sweep's trials: keys, facts, rounds. Pure.
#pragma once

#include <string>

#include "common/spec/trial_texts.h"
#include "coordinator/store/store.h"

namespace plateau {

// What is kept of a new trial.
struct NewTexts {
  TrialPieces pieces;  // its JSON
  TrialKeys keys;
  std::string key;  // the same as texts
  std::string cell;
  std::string label;
  std::string folder;  // TrialText's
};

// `texts`: the same for all trials of a list, of which it remembers what they share.
NewTexts texts_of(const NewTrial& trial, TrialTexts& texts);

// round: how many trials of its cell came before it.
TrialFacts facts_of(const NewTrial& trial, TrialId id, std::int64_t round);

}  // namespace plateau
