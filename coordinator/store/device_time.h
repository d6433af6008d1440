// How long the trials of a run had a device for themselves, from when their attempts began and
// ended.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"

namespace plateau {

// A trial that was on a slot of a node for a while.
struct OnDevice {
  TrialId trial;
  std::string node;
  std::int64_t slot = 0;
  TimeMs from_ms = 0;
  TimeMs to_ms = 0;
};

// Milliseconds of a device by trial: those side by side on a slot share its time evenly, so that a
// pack adds up to the time it took.
std::map<TrialId, double> share_device_time(const std::vector<OnDevice>& stays);

// Of all attempts that have ended. Errors as of read_run().
Result<std::map<TrialId, double>> read_device_time(const std::filesystem::path& run_folder);

}  // namespace plateau
