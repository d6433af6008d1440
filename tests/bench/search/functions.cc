#include "tests/bench/search/functions.h"

#include <algorithm>
#include <cmath>

namespace plateau::bench {
namespace {

using search::Categorical;
using search::Continuous;
using search::Point;
using search::Space;

Space cube(int dimensions) {
  Space space;
  for (int d = 0; d < dimensions; ++d)
    space.dimensions.push_back({"x" + std::to_string(d), Continuous{}, {}});
  return space;
}

double branin(const Point& point) {
  const double x = 15 * *point[0] - 5;
  const double y = 15 * *point[1];
  const double bent = y - 5.1 / (4 * M_PI * M_PI) * x * x + 5 / M_PI * x - 6;
  return bent * bent + 10 * (1 - 1 / (8 * M_PI)) * std::cos(x) + 10;
}

double hartmann(const Point& point) {
  constexpr double kAlpha[4] = {1.0, 1.2, 3.0, 3.2};
  constexpr double kA[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                               {0.05, 10, 17, 0.1, 8, 14},
                               {3, 3.5, 1.7, 10, 17, 8},
                               {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                               {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                               {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                               {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double square = 0;
    for (std::size_t d = 0; d < 6; ++d)
      square += kA[i][d] * std::pow(*point[d] - kP[i][d], 2);
    value -= kAlpha[i] * std::exp(-square);
  }
  return value;
}

// On [-32.768, 32.768]^5, its lowest point moved away from the middle.
double ackley(const Point& point) {
  double squares = 0;
  double cosines = 0;
  for (std::size_t d = 0; d < 5; ++d) {
    const double x = 65.536 * (*point[d] - 0.4);
    squares += x * x / 5;
    cosines += std::cos(2 * M_PI * x) / 5;
  }
  return -20 * std::exp(-0.2 * std::sqrt(squares)) - std::exp(cosines) + 20 + std::exp(1.0);
}

// Branch b has b + 2 coordinates; its floor is 0.3, 0.15 or 0.
double conditional(const Point& point) {
  const auto branch = static_cast<std::size_t>(*point[0]);
  const std::size_t first = branch == 0 ? 1 : branch == 1 ? 3 : 6;
  double value = 0.3 - 0.15 * static_cast<double>(branch);
  for (std::size_t i = 0; i < branch + 2; ++i) {
    const double middle = 0.2 + 0.15 * static_cast<double>(i);
    value += std::pow(*point[first + i] - middle, 2);
  }
  return value;
}

Space branches() {
  Space space;
  space.dimensions.push_back({"branch", search::equally_likely(3), {}});
  for (int branch = 0; branch < 3; ++branch) {
    for (int i = 0; i < branch + 2; ++i) {
      space.dimensions.push_back(
          {"b" + std::to_string(branch) + "x" + std::to_string(i), Continuous{},
           [branch](const Point& point) { return point[0] == static_cast<double>(branch); }});
    }
  }
  return space;
}

}  // namespace

std::vector<Function> functions() {
  return {{"branin", cube(2), branin, 0.39788735772973816},
          {"hartmann6", cube(6), hartmann, -3.322368011391339},
          {"ackley5", cube(5), ackley, 0.0},
          {"conditional", branches(), conditional, 0.0}};
}

Function table_function(const TrialTable& table) {
  Space space;
  space.dimensions.push_back({"adapter", search::equally_likely(table.adapters.size()), {}});
  space.dimensions.push_back({"rank", search::evenly(table.ranks.size()), {}});
  space.dimensions.push_back({"learning_rate", search::evenly(table.learning_rates.size()), {}});
  std::vector<double> losses;  // by adapter, rank and learning rate
  for (const Cell& cell : table.cells)
    losses.push_back(1 - cell.accuracies.back());
  const auto value = [losses, ranks = table.ranks.size(),
                      rates = table.learning_rates.size()](const Point& point) {
    const auto level = [&point](std::size_t d) { return static_cast<std::size_t>(*point[d]); };
    return losses[(level(0) * ranks + level(1)) * rates + level(2)];
  };
  return {"table", space, value, *std::min_element(losses.begin(), losses.end()), 40};
}

}  // namespace plateau::bench
