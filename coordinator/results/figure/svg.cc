#include <fmt/format.h>

#include "coordinator/results/escape.h"
#include "coordinator/results/figure/drawing.h"

namespace plateau::results {
namespace {

// Two digits are a hundredth of a point: finer than any printer.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string point_list(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points)
    text += (text.empty() ? "" : " ") + number(point.x) + "," + number(point.y);
  return text;
}

std::vector<Point> corners(const Marker& marker) {
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

struct Writer {
  std::string& text;

  void operator()(const Area& area) const {
    text += "<polygon points=\"" + point_list(area.points) + "\" fill=\"" + escape_xml(area.color) +
            "\" fill-opacity=\"" + number(area.opacity) + "\"/>\n";
  }

  void operator()(const Polyline& line) const {
    text += "<polyline points=\"" + point_list(line.points) + "\" fill=\"none\" stroke=\"" +
            escape_xml(line.stroke.color) + "\" stroke-width=\"" + number(line.stroke.width) + "\"";
    if (!line.stroke.dashes.empty()) {
      text += " stroke-dasharray=\"";
      for (std::size_t i = 0; i < line.stroke.dashes.size(); ++i)
        text += (i == 0 ? "" : ",") + number(line.stroke.dashes[i]);
      text += "\"";
    }
    text += " stroke-linejoin=\"round\"/>\n";
  }

  void operator()(const Marker& marker) const {
    const std::string paint =
        " fill=\"" + (marker.fill.empty() ? "none" : escape_xml(marker.fill)) + "\" stroke=\"" +
        escape_xml(marker.color) + "\" stroke-width=\"0.8\"/>\n";
    const double r = marker.size / 2;
    if (marker.shape == MarkerShape::kCircle) {
      text += "<circle cx=\"" + number(marker.at.x) + "\" cy=\"" + number(marker.at.y) + "\" r=\"" +
              number(r) + "\"" + paint;
    } else if (marker.shape == MarkerShape::kCross) {
      text += "<path d=\"M" + number(marker.at.x - r) + " " + number(marker.at.y - r) + "L" +
              number(marker.at.x + r) + " " + number(marker.at.y + r) + "M" +
              number(marker.at.x - r) + " " + number(marker.at.y + r) + "L" +
              number(marker.at.x + r) + " " + number(marker.at.y - r) + "\"" + paint;
    } else {
      text += "<polygon points=\"" + point_list(corners(marker)) + "\"" + paint;
    }
  }

  void operator()(const Label& label) const {
    static constexpr const char* kAnchors[] = {"start", "middle", "end"};
    text += "<text x=\"" + number(label.at.x) + "\" y=\"" + number(label.at.y) + "\" font-size=\"" +
            number(label.size) + "\" text-anchor=\"" + kAnchors[static_cast<int>(label.anchor)] +
            "\" fill=\"" + escape_xml(label.color) + "\"";
    if (label.is_bold) text += " font-weight=\"bold\"";
    if (label.is_upward) {
      text += " transform=\"rotate(-90 " + number(label.at.x) + " " + number(label.at.y) + ")\"";
    }
    text += ">" + escape_xml(label.text) + "</text>\n";
  }
};

}  // namespace

double text_width(const std::string& text, double size) {
  // Helvetica's mean is near 0.5 em; capitals and digits are wider, and a viewer without the font
  // takes a wider one, so the estimate leans to the safe side.
  double em = 0.0;
  for (std::uint32_t code : code_points(one_line(text))) {
    const bool narrow = code == ' ' || code == '.' || code == ',' || code == 'i' || code == 'l' ||
                        code == 'j' || code == ':' || code == '(' || code == ')' || code == '|';
    const bool wide = (code >= 'A' && code <= 'Z') || code == 'm' || code == 'w' || code == '%';
    em += narrow ? 0.34 : wide ? 0.78 : code > 0x10FF ? 1.0 : 0.6;
  }
  return em * size;
}

std::string to_svg(const Drawing& drawing) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  text += "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(drawing.width) +
          "pt\" height=\"" + number(drawing.height) + "pt\" viewBox=\"0 0 " +
          number(drawing.width) + " " + number(drawing.height) +
          "\" role=\"img\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', "
          "sans-serif\">\n";
  text += "<title>" + escape_xml(drawing.title) + "</title>\n";
  text += "<desc>" + escape_xml(drawing.description) + "</desc>\n";
  text += "<rect width=\"" + number(drawing.width) + "\" height=\"" + number(drawing.height) +
          "\" fill=\"#ffffff\"/>\n";
  for (const Shape& shape : drawing.shapes)
    std::visit(Writer{text}, shape);
  return text + "</svg>\n";
}

}  // namespace plateau::results
