// How the n-th line of a figure looks: told apart by colour, by marker and in grey by its dashes.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "coordinator/results/figure/drawing.h"

namespace plateau::results {

struct LineStyle {
  std::string color;
  MarkerShape marker = MarkerShape::kCircle;
  std::vector<double> dashes;
};

// Okabe and Ito (2008), without the yellow that is lost on white.
inline LineStyle line_style(std::size_t index) {
  static const std::array<const char*, 6> kColors{"#0072B2", "#D55E00", "#009E73",
                                                  "#CC79A7", "#56B4E9", "#E69F00"};
  static constexpr std::array<MarkerShape, 5> kMarkers{
      MarkerShape::kCircle, MarkerShape::kSquare, MarkerShape::kTriangle, MarkerShape::kDiamond,
      MarkerShape::kTriangleDown};
  static const std::array<std::vector<double>, 4> kDashes{
      std::vector<double>{}, {6, 2.5}, {1.5, 2}, {7, 2, 1.5, 2}};
  return {kColors[index % kColors.size()], kMarkers[index % kMarkers.size()],
          kDashes[index % kDashes.size()]};
}

// Baselines are grey and told apart by their dashes.
inline Stroke baseline_stroke(std::size_t index) {
  static const std::array<std::vector<double>, 3> kDashes{
      std::vector<double>{4, 3}, {1, 2.5}, {8, 3, 1, 3}};
  return {"#444444", 1.1, kDashes[index % kDashes.size()]};
}

}  // namespace plateau::results
