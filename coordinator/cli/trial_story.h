// A trial's story in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/scheduler/events.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {

// By its number, its label, or the beginning (at least 4 digits) of its key. kNotFound names near
// ones; kInvalidArgument when several match.
Result<const TrialRow*> find_trial(const RunView& run, const std::string& wanted);

// Paragraphs for a person: what it is, where it stands, each attempt with node, times and end.
std::string trial_story(const TrialRow& trial, const RestoredTrial& past,
                        const std::vector<SetAsideNode>& set_aside, TimeMs now_wall_ms);

}  // namespace plateau::cli
