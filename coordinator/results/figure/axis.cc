#include "coordinator/results/figure/axis.h"

#include <algorithm>
#include <cmath>

namespace plateau::results {

Ticks nice_ticks(double low, double high, int most) {
  if (!(high > low)) {
    // Around zero there is no scale to go by, and 1 has short labels.
    const double around = low == 0.0 ? 1.0 : std::max(std::abs(low) * 0.01, 1e-3);
    low -= around;
    high += around;
  }
  // Room for markers and lines at the very ends.
  const double margin = 0.05 * (high - low);
  Ticks ticks;
  ticks.low = low - margin;
  ticks.high = high + margin;
  const double span = ticks.high - ticks.low;
  const int exponent = static_cast<int>(std::floor(std::log10(span / most)));
  for (int power = exponent; power <= exponent + 2; ++power) {
    for (double digit : {1.0, 2.0, 5.0}) {
      const double step = digit * std::pow(10.0, power);
      if (span / step > most) continue;
      ticks.decimals = std::max(0, -power);
      for (double k = std::ceil(ticks.low / step); k * step <= ticks.high; k += 1.0)
        ticks.values.push_back(k * step);
      return ticks;
    }
  }
  return ticks;
}

}  // namespace plateau::results
