// How `plateau plan` writes numbers and tables, and what a trial costs: shared by the rows of a
// grid and the ranges of a search.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/catalogue/load_sweep.h"
#include "coordinator/cli/measurements.h"

namespace plateau::cli {

std::string with_commas(std::int64_t number);         // 22565376 -> "22,565,376"
std::string duration_text(double seconds);            // "1 h 05 m"
std::string title_of(const std::string& method);      // lora -> "LoRA"
double share_percent(const ParameterCounts& counts);  // of the base that the adapter has

// Columns as wide as their widest cell; the first `left` ones are aligned to the left.
std::string table_text(const std::vector<std::vector<std::string>>& table, std::size_t left);

// What a trainer needs for one such trial.
struct MemoryCost {
  double bytes = 0;
  bool is_measured = false;
};
MemoryCost memory_of(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial);

// Seconds for one such trial.
double seconds_of(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial);

}  // namespace plateau::cli
