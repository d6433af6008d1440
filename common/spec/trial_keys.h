// The keys of a trial and of its cell at once: half the work of trial_key() and cell_key().
#pragma once

#include <string>

#include "common/spec/trial.h"

namespace plateau {

struct TrialKeys {
  std::string trial;  // trial_key(trial)
  std::string cell;   // cell_key(trial)
};

TrialKeys trial_keys(const Trial& trial);

}  // namespace plateau
