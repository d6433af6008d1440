// The pipe protocol's frames (common/spec/pipe.h) as the runner's events, and its own frames.
//
// Pure. A trainer is our own program, but one with a smashed heap may say anything: every field is
// checked.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/runner/trial_events.h"

namespace plateau::runner {

// What StartTrial needs beside the slot.
struct TrialStart {
  AttemptRef attempt;
  bool alone = false;
  std::string trial_json;
  std::string folder;  // the attempt's own; made when the trial is handed over
  std::string resume;  // path of a checkpoint, or empty
};

// kInvalidArgument when the trial is no JSON.
Result<nlohmann::json> assign_frame(const TrialStart& start);
nlohmann::json cancel_frame(const AttemptRef& attempt);

// kVersion when it is another protocol's hello, kCorrupt when it is none.
Status check_hello(const nlohmann::json& frame);

// Of a frame that is no hello. kCorrupt names the field that is missing or wrong.
Result<TrialEvent> event_from_frame(const nlohmann::json& frame);

}  // namespace plateau::runner
