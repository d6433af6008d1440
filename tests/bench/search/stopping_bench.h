// What does early stopping save on real learning curves, and what does it cost?
#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/search/stopping.h"
#include "tests/bench/search/trial_table.h"

namespace plateau::bench {

// A rule, and what it compares: the accuracy, of which few values differ, or the loss.
struct StoppingCase {
  search::Rule rule;
  bool on_loss = false;
};

struct StoppingRun {
  double share = 1;   // of the evaluations that training every cell to its end takes
  double regret = 0;  // of the best finished cell against the best of the table
  std::size_t finished = 0;
  std::vector<std::size_t> lengths;  // evaluations of each cell, in the order in which they began
};

// Trains the cells of a table in an order drawn from `seed`, so many side by side, all as fast as
// each other; each is judged after each of its evaluations.
StoppingRun run_with(const StoppingCase& stopping, const TrialTable& table, std::size_t slots,
                     std::uint64_t seed);

// The control: the same lengths as `run` had, dealt to the cells by chance.
StoppingRun run_by_chance(const StoppingRun& run, const TrialTable& table, std::uint64_t seed);

}  // namespace plateau::bench
