// The keys of a trial and of its cell at once: half the work of trial_key() and cell_key().
#pragma once

#include "common/base/sha256.h"
#include "common/spec/trial.h"

namespace plateau {

struct TrialKeys {
  Digest trial;  // trial_key(trial)
  Digest cell;   // cell_key(trial)
};

TrialKeys trial_keys(const Trial& trial);

}  // namespace plateau
