#include <fmt/format.h>

#include "coordinator/results/escape.h"
#include "coordinator/results/figure/drawing.h"

namespace plateau::results {
namespace {

// Where "-0.00" would differ from "0.00" between two ways to the same point.
double settled(double value) {
  return value > -0.005 && value < 0.0 ? 0.0 : value;
}

std::string at(Point point) {
  return fmt::format("({:.2f},{:.2f})", settled(point.x), settled(point.y));
}

// "#RRGGBB" as an expression of xcolor, which TikZ loads.
std::string color_of(const std::string& color) {
  const auto channel = [&](std::size_t from) {
    return std::stoi(color.substr(from, 2), nullptr, 16);
  };
  return fmt::format("{{rgb,255:red,{};green,{};blue,{}}}", channel(1), channel(3), channel(5));
}

std::string path(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points)
    text += (text.empty() ? "" : "--") + at(point);
  return text;
}

struct Writer {
  std::string& text;

  void operator()(const Area& area) const {
    text +=
        fmt::format("\\fill[fill={},fill opacity={:.2f}] ", color_of(area.color), area.opacity) +
        path(area.points) + "--cycle;\n";
  }

  void operator()(const Polyline& line) const {
    text += fmt::format("\\draw[draw={},line width={:.2f}bp,line join=round",
                        color_of(line.stroke.color), line.stroke.width);
    for (std::size_t i = 0; i < line.stroke.dashes.size(); ++i) {
      text += i == 0 ? ",dash pattern=" : " ";
      text += fmt::format("{} {:.2f}bp", i % 2 == 0 ? "on" : "off", line.stroke.dashes[i]);
    }
    text += "] " + path(line.points) + ";\n";
  }

  void operator()(const Marker& marker) const {
    const double r = marker.size / 2;
    const auto [x, y] = marker.at;
    text += fmt::format("\\draw[draw={},line width={:.2f}bp", color_of(marker.color), kMarkerEdge);
    if (!marker.fill.empty()) text += ",fill=" + color_of(marker.fill);
    text += "] ";
    if (marker.shape == MarkerShape::kCircle) {
      text += at(marker.at) + fmt::format(" circle[radius={:.2f}bp];\n", r);
    } else if (marker.shape == MarkerShape::kCross) {
      text += path({{x - r, y - r}, {x + r, y + r}}) + " " +
              path({{x - r, y + r}, {x + r, y - r}}) + ";\n";
    } else {
      text += path(marker_corners(marker)) + "--cycle;\n";
    }
  }

  void operator()(const Label& label) const {
    static constexpr const char* kAnchors[] = {"base west", "base", "base east"};
    text += fmt::format(
                "\\node[anchor={},inner sep=0pt,outer "
                "sep=0pt,text={},font=\\fontsize{{{}}}{{{}}}\\selectfont{}{}] at ",
                kAnchors[static_cast<int>(label.anchor)], color_of(label.color), label.size,
                label.size * 1.2, label.is_bold ? "\\bfseries" : "",
                label.is_upward ? ",rotate=90" : "") +
            at(label.at) + " {" + escape_latex(label.text) + "};\n";
  }
};

}  // namespace

std::string to_tikz(const Drawing& drawing) {
  std::string text = "% " + one_line(drawing.title) +
                     "\n% \\usepackage{tikz}, then \\input this file in a figure.\n"
                     "\\begin{tikzpicture}[x=1bp,y=-1bp]\n";
  text += "\\useasboundingbox (0,0) rectangle " + at({drawing.width, drawing.height}) + ";\n";
  for (const Shape& shape : drawing.shapes)
    std::visit(Writer{text}, shape);
  return text + "\\end{tikzpicture}\n";
}

}  // namespace plateau::results
