// Trials that were really trained (sweeps/search-trials.yaml), read from trials.csv.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau::bench {

struct Cell {
  std::size_t adapter = 0;  // places in the table's lists
  std::size_t rank = 0;
  std::size_t learning_rate = 0;
  std::vector<double> accuracies;  // on validation, evenly over training; a diverged one's end in 0
  std::vector<double> losses;      // likewise; a diverged one's end in infinity
};

struct TrialTable {
  std::vector<std::string> adapters;
  std::vector<std::int64_t> ranks;     // rising
  std::vector<double> learning_rates;  // rising
  std::vector<Cell> cells;             // seed 0 of every cell, in the order of these lists
  double seed_deviation = 0;  // of the last accuracy over seeds, pooled over cells with several
};

// kNotFound, or kCorrupt: not a whole table.
Result<TrialTable> read_trial_table(const std::filesystem::path& file);

}  // namespace plateau::bench
