#include <map>
#include <utility>

#include <fmt/format.h>

#include "coordinator/results/escape.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/font.h"

namespace plateau::results {
namespace {

std::string trimmed(double value, int digits) {
  std::string text = fmt::format("{:.{}f}", value, digits);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

// Two digits are a hundredth of a point: finer than any printer.
std::string number(double value) {
  return trimmed(value, 2);
}

std::string point_list(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points)
    text += (text.empty() ? "" : " ") + number(point.x) + "," + number(point.y);
  return text;
}

double start_of(const Label& label, double width) {
  if (label.anchor == Anchor::kStart) return 0.0;
  return label.anchor == Anchor::kMiddle ? -width / 2 : -width;
}

// Outlines that the picture uses, each defined once.
using Outlines = std::map<std::pair<bool, std::uint32_t>, std::string>;

std::string outline_name(bool is_bold, std::uint32_t glyph) {
  return (is_bold ? "b" : "g") + std::to_string(glyph);
}

struct Writer {
  std::string& text;
  Outlines& outlines;

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
        escape_xml(marker.color) + "\" stroke-width=\"" + number(kMarkerEdge) + "\"/>\n";
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
      text += "<polygon points=\"" + point_list(marker_corners(marker)) + "\"" + paint;
    }
  }

  void operator()(const Label& label) const {
    const SetText set = set_text(label.text, label.size, label.is_bold);
    if (set.is_complete) {
      as_outlines(label, set);
    } else {
      as_text(label);
    }
  }

  void as_outlines(const Label& label, const SetText& set) const {
    const double scale = label.size / units_per_em(label.is_bold);
    text += "<g role=\"text\" aria-label=\"" + escape_xml(label.text) + "\" fill=\"" +
            escape_xml(label.color) + "\" transform=\"translate(" + number(label.at.x) + " " +
            number(label.at.y) + ")" + (label.is_upward ? " rotate(-90)" : "") + " scale(" +
            trimmed(scale, 6) + " " + trimmed(-scale, 6) + ")\">";
    const double start = start_of(label, set.width);
    for (const Glyph& glyph : set.glyphs) {
      const std::string outline = glyph_outline(glyph.id, label.is_bold);
      if (outline.empty()) continue;
      outlines.emplace(std::pair(label.is_bold, glyph.id), outline);
      text += "<use xlink:href=\"#" + outline_name(label.is_bold, glyph.id) + "\" x=\"" +
              number((start + glyph.x) / scale) + "\"/>";
    }
    text += "</g>\n";
  }

  void as_text(const Label& label) const {
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

std::string definitions(const Outlines& outlines) {
  if (outlines.empty()) return "";
  std::string text = "<defs>\n";
  for (const auto& [glyph, outline] : outlines)
    text +=
        "<path id=\"" + outline_name(glyph.first, glyph.second) + "\" d=\"" + outline + "\"/>\n";
  return text + "</defs>\n";
}

}  // namespace

std::string to_svg(const Drawing& drawing) {
  std::string shapes;
  Outlines outlines;
  for (const Shape& shape : drawing.shapes)
    std::visit(Writer{shapes, outlines}, shape);
  const std::string width = number(drawing.width);
  const std::string height = number(drawing.height);
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  text +=
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
      "width=\"" +
      width + "pt\" height=\"" + height + "pt\" viewBox=\"0 0 " + width + " " + height +
      "\" role=\"img\" font-family=\"'DejaVu Sans', sans-serif\">\n";
  text += "<title>" + escape_xml(drawing.title) + "</title>\n";
  text += "<desc>" + escape_xml(drawing.description) + "</desc>\n";
  text += definitions(outlines);
  text += "<rect width=\"" + width + "\" height=\"" + height + "\" fill=\"#ffffff\"/>\n";
  return text + shapes + "</svg>\n";
}

}  // namespace plateau::results
