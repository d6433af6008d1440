// Choosing a parameter per cell on the validation split; what is reported is the test split.
#pragma once

#include <nlohmann/json.hpp>

#include "coordinator/results/summary.h"

namespace plateau::results {

// `report` is the sweep's: with "select": {"over": ["learning_rate"], ...} the cells that differ
// in nothing else are narrowed to the one with the best mean validation metric (the first of
// equals), among those whose seeds are all finished. Without it nothing changes. Fills
// summary.selection and summary.not_selected; keeps the order of the cells.
void select_on_validation(const nlohmann::json& report, Summary& summary);

}  // namespace plateau::results
