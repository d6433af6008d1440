// A JSON Schema of sweep files, made from the same tables that the reader uses.
#pragma once

#include <nlohmann/json.hpp>

namespace plateau {

// Draft 2020-12. Editors complete and check with it; what a schema cannot say (a rank that is
// larger than a matrix, a name that is in no catalogue) `plateau plan` says.
nlohmann::json sweep_schema();

}  // namespace plateau
