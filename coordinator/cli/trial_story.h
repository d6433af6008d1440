// A trial's story in words. Pure.
#pragma once

#include <string>

#include "common/base/result.h"
#include "coordinator/store/results_view.h"
#include "coordinator/store/trial_past.h"

namespace plateau::cli {

// By its number, its label, or the beginning (at least 4 digits) of its key. kNotFound names near
// ones; kInvalidArgument when several match.
Result<const TrialRow*> find_trial(const RunView& run, const std::string& wanted);

// For a person: what it is, what happened to it when, and where it stands. `coordinator`: one works
// on the run now.
std::string trial_story(const TrialRow& trial, const TrialPast& past, TimeMs now_wall_ms,
                        bool coordinator);

}  // namespace plateau::cli
