// What the searches are judged on. The same functions stand in compare.py, for other programs.
//
// Every coordinate of a point is in [0, 1); a function scales it. Lower is better; the lowest value
// is known, so that regret is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordinator/search/space.h"

namespace plateau::bench {

struct Function {
  std::string name;
  search::Space space;
  std::function<double(const search::Point&)> value;
  double lowest = 0;
};

// Branin (2 dimensions), Hartmann (6), Ackley (5), and a conditional one: three branches with two,
// three and four coordinates of their own, of which the last can reach the lowest value.
std::vector<Function> functions();

}  // namespace plateau::bench
