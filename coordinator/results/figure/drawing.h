// A picture as shapes, before it is SVG or another format. Points (1/72 inch), y grows downwards.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace plateau::results {

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Stroke {
  std::string color = "#000000";
  double width = 1.0;
  std::vector<double> dashes;  // empty: solid
};

struct Polyline {
  std::vector<Point> points;
  Stroke stroke;
};

// A filled polygon without an edge.
struct Area {
  std::vector<Point> points;
  std::string color;
  double opacity = 1.0;
};

enum class MarkerShape { kCircle, kSquare, kTriangle, kDiamond, kTriangleDown, kCross };

struct Marker {
  Point at;
  MarkerShape shape = MarkerShape::kCircle;
  double size = 6.0;  // across
  std::string fill;   // empty: hollow
  std::string color = "#000000";
};

enum class Anchor { kStart, kMiddle, kEnd };

struct Label {
  Point at;  // of the baseline
  std::string text;
  double size = 9.0;
  Anchor anchor = Anchor::kStart;
  bool is_bold = false;
  bool is_upward = false;  // turned by 90 degrees, read from below
  std::string color = "#000000";
};

using Shape = std::variant<Area, Polyline, Marker, Label>;

struct Drawing {
  double width = 0.0;
  double height = 0.0;
  std::string title;        // for screen readers
  std::string description;  // the numbers in words
  std::vector<Shape> shapes;
};

// About how wide a text is in Helvetica or Arial at this size; never less than it is by much.
double text_width(const std::string& text, double size);

// Text stays text, every number has two digits at most: the same drawing, the same bytes.
std::string to_svg(const Drawing& drawing);

}  // namespace plateau::results
