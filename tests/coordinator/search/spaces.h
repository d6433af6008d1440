// Spaces that several tests search in.
#pragma once

#include <cmath>

#include "coordinator/search/space.h"

namespace plateau::search {

// An adapter of two; a rank of four for the first, a learning rate for the second alone.
inline Space conditional_space() {
  const auto first = [](const Point& point) { return point[0] == 0.0; };
  const auto second = [](const Point& point) { return point[0] == 1.0; };
  return {{{"adapter", Categorical{{0.25, 0.75}}, {}},
           {"rank", evenly(4), first},
           {"learning_rate", Continuous{}, second}}};
}

// Six points: two adapters, the first with a rank of five.
inline Space small_space() {
  return {{{"adapter", equally_likely(2), {}},
           {"rank", Ordered{{0.1, 0.2, 0.4, 0.8, 1.0}},
            [](const Point& point) { return point[0] == 0.0; }}}};
}

inline Space square() {
  return {{{"x", Continuous{}, {}}, {"y", Continuous{}, {}}}};
}

inline double bowl(const Point& point) {
  return std::pow(*point[0] - 0.3, 2) + std::pow(*point[1] - 0.8, 2);
}

}  // namespace plateau::search
