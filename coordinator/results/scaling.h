// How alpha follows the rank: the convention that a plateau may be an artefact of.
#pragma once

#include <string>

#include "coordinator/results/summary.h"

namespace plateau::results {

// "alpha/r with alpha = 2·r", "alpha/√r with alpha = 16 at every rank", ...; empty for adapters
// without alpha.
std::string scaling_convention(const Curve& curve);

// Fills Cell::scaling with the short form: "α/r, α = 2r".
void describe_scaling(Summary& summary);

}  // namespace plateau::results
