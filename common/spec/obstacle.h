// What stands between a trial and its base, as far as the architecture alone tells it.
#pragma once

#include <optional>
#include <string>

#include "common/spec/parameters.h"
#include "common/spec/trial.h"

namespace plateau {

// Why such a trial can never run, and what would; nullopt: nothing is known against it. The trainer
// refuses the same.
std::optional<std::string> obstacle(const BaseFacts& facts, const Trial& trial);

}  // namespace plateau
