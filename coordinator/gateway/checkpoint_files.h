// How a checkpoint lies in its trial's folder: a file whose name says whose it is and what is in
// it, so that an older one can be trusted when the newest is damaged. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/scheduler/events.h"

namespace plateau {

// "3-checkpoint-step-120-SHA256", in one flat folder.
std::string checkpoint_file(const ResumePoint& checkpoint);
// And back; nullopt for any other name.
std::optional<ResumePoint> checkpoint_of_file(const std::string& file, std::uint64_t size_bytes);

}  // namespace plateau
