// Inside of a trial's JSON form: its parts one by one, for who makes very many trials.
#pragma once

#include "common/spec/trial.h"

namespace plateau {

inline constexpr const char* kTrialFormat = "plateau-trial/1";

nlohmann::json part_json(const BaseSpec& base);
nlohmann::json part_json(const TaskSpec& task);
nlohmann::json part_json(const OptimizerSpec& optimizer);
nlohmann::json part_json(const ProtocolSpec& protocol);

// The adapter with every default filled in. kInvalidArgument: an unknown method or parameter, or a
// value that is not allowed.
Result<AdapterSpec> resolve_adapter(const AdapterSpec& given);

// kInvalidArgument names the field, its value and what is allowed. All but the adapter, which
// resolve_adapter() checks.
Status check_values(const Trial& trial);

}  // namespace plateau
