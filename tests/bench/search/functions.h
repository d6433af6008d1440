// What the searches are judged on. The same functions stand in functions.py, for other programs.
//
// Every coordinate of a point is in [0, 1); a function scales it. Lower is better; the lowest value
// is known, so that regret is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordinator/search/space.h"
#include "tests/bench/search/trial_table.h"

namespace plateau::bench {

struct Function {
  std::string name;
  search::Space space;
  std::function<double(const search::Point&)> value;
  double lowest = 0;
  std::size_t trials = 100;
};

// Branin (2 dimensions), Hartmann (6), Ackley (5), and a conditional one: three branches with two,
// three and four coordinates of their own, of which the last can reach the lowest value.
std::vector<Function> functions();

// 1 - validation accuracy of a cell's first seed: adapter, rank, learning rate. 40 trials.
Function table_function(const TrialTable& table);

}  // namespace plateau::bench
