// What must be equal for two numbers to stand in one column: the protocol of a cell.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/summary.h"

namespace plateau::results {

// "test metric of the last checkpoint, float32"
std::string checkpoint_rule(const ProtocolSpec& protocol);
// "1,600 / 400 / 1,000 rows for training / validation / test (split seed 0), texts cut at 33
// tokens"
std::string rows_of(const TaskSpec& spec);

// Fills Cell::protocol: split, selection rule, checkpoint rule, precision, rows and length.
void describe_protocols(Summary& summary);

// The protocols of a base's and task's cells, baselines apart, where there is more than one:
// sorted. Empty: no column of the table mixes two.
std::vector<std::string> mixed_protocols(const Summary& summary);

}  // namespace plateau::results
