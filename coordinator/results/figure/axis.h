// Round numbers along an axis.
#pragma once

#include <vector>

namespace plateau::results {

struct Ticks {
  double low = 0.0;  // of the axis: a little beyond the smallest value
  double high = 1.0;
  std::vector<double> values;  // round numbers inside, ascending
  int decimals = 0;            // digits that tell neighbouring ticks apart
};

// An axis over [low, high] and a little more, with at most `most` + 1 ticks at multiples of 1, 2 or
// 5 times a power of ten. low == high gives an axis around it. Both finite; most >= 2.
Ticks nice_ticks(double low, double high, int most);

}  // namespace plateau::results
