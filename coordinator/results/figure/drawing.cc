#include "coordinator/results/figure/drawing.h"

namespace plateau::results {

std::vector<Point> marker_corners(const Marker& marker) {
  const double r = marker.size / 2;
  const auto at = [&](double dx, double dy) {
    return Point{marker.at.x + dx * r, marker.at.y + dy * r};
  };
  switch (marker.shape) {
    case MarkerShape::kSquare:
      return {at(-0.89, -0.89), at(0.89, -0.89), at(0.89, 0.89), at(-0.89, 0.89)};
    case MarkerShape::kTriangle:
      return {at(0, -1.16), at(1.05, 0.75), at(-1.05, 0.75)};
    case MarkerShape::kTriangleDown:
      return {at(0, 1.16), at(-1.05, -0.75), at(1.05, -0.75)};
    case MarkerShape::kDiamond:
      return {at(0, -1.2), at(1.2, 0), at(0, 1.2), at(-1.2, 0)};
    case MarkerShape::kCircle:
    case MarkerShape::kCross:
      break;
  }
  return {};
}

}  // namespace plateau::results
