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

// The corners of a marker that is a polygon; none for a circle and a cross.
std::vector<Point> marker_corners(const Marker& marker);

inline constexpr double kMarkerEdge = 0.8;  // width of the line around a marker

// Text is drawn as outlines, the same in every viewer, with its words beside it for screen readers
// and search; characters that the font lacks leave their label to the viewer's fonts. Every number
// has two digits at most: the same drawing, the same bytes.
std::string to_svg(const Drawing& drawing);

// One page of the drawing's size. Vector, the used glyphs embedded as a font, text that can be
// searched and copied; characters that the font lacks are boxes. The same drawing, the same bytes
// (from the same version of Cairo): the page carries no date.
std::string to_pdf(const Drawing& drawing);

// A tikzpicture for \input (needs \usepackage{tikz}): the same shapes, with the text set by LaTeX
// in the paper's font at the sizes given. Characters that pdflatex cannot set become [U+XXXX].
std::string to_tikz(const Drawing& drawing);

}  // namespace plateau::results
