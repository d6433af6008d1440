// The methods themselves, as data. methods.h says what a row means and looks rows up.
#pragma once

#include <vector>

#include "common/spec/methods.h"

namespace plateau {

// Adapters first, in the order of the tables, then the baselines.
std::vector<MethodSchema> make_method_table();

}  // namespace plateau
