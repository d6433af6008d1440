// Which linear layers a method adapts: PEFT's matching rules.
#pragma once

#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {

// Indices into `sites`, ascending. `target_modules` is "all-linear" (every site), another text (a
// regular expression for the whole name), or a list of names: equal, or ending with "." + name.
// kInvalidArgument names an entry that matches nothing, with the nearest name.
Result<std::vector<std::size_t>> match_targets(const std::vector<LinearSite>& sites,
                                               const nlohmann::json& target_modules);

}  // namespace plateau::trainer
