// What a search knows: its trials so far, in the order in which they were proposed.
#pragma once

#include <variant>
#include <vector>

#include "coordinator/search/space.h"

namespace plateau::search {

struct Running {};
struct Finished {
  double loss = 0;  // lower is better; finite
};
// Ended early: its last loss, and how much of its training it had done, in (0, 1).
struct Stopped {
  double loss = 0;
  double share = 0;
};
// Diverged or failed: worse than everything that has a loss.
struct Failed {};

struct Observation {
  Point point;
  std::variant<Running, Finished, Stopped, Failed> outcome;
};
using History = std::vector<Observation>;

}  // namespace plateau::search
