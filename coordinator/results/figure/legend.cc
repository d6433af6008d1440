#include "coordinator/results/figure/legend.h"

#include <algorithm>

#include "common/base/text.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

struct LegendEntry {
  std::string text;
  std::size_t index = 0;
  bool is_baseline = false;
};

}  // namespace

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

double paint_legend(const Names& names, Samples samples, Rect place, Drawing& drawing) {
  const Point from{place.left, place.top};
  std::vector<LegendEntry> entries;
  for (std::size_t i = 0; i < names.curves.size(); ++i)
    entries.push_back({names.curves[i], i, false});
  for (std::size_t i = 0; i < names.baselines.size(); ++i)
    entries.push_back({names.baselines[i], i, true});
  const double sample = samples == Samples::kLines ? 26.0 : 8.0;
  constexpr double kRowHeight = 13.0;
  Point at = from;
  for (const LegendEntry& entry : entries) {
    const double needed = sample + 4 + text_width(entry.text, kFont) + 12;
    if (at.x > from.x && at.x + needed > place.right) at = {from.x, at.y + kRowHeight};
    const double y = at.y - 3;
    if (entry.is_baseline) {
      drawing.shapes.push_back(
          Polyline{{{at.x, y}, {at.x + sample, y}}, baseline_stroke(entry.index)});
    } else {
      const LineStyle style = line_style(entry.index);
      if (samples == Samples::kLines) {
        drawing.shapes.push_back(
            Polyline{{{at.x, y}, {at.x + sample, y}}, {style.color, 1.5, style.dashes}});
      }
      drawing.shapes.push_back(
          Marker{{at.x + sample / 2, y}, style.marker, 6.4, style.color, "#FFFFFF"});
    }
    drawing.shapes.push_back(Label{
        {at.x + sample + 4, at.y}, entry.text, kFont, Anchor::kStart, false, false, kTextColor});
    at.x += needed;
  }
  return at.y - from.y + kRowHeight;
}

std::vector<std::string> wrapped_lines(const std::string& text, double width, double size) {
  std::vector<std::string> lines{""};
  for (const std::string& word : split(text, ' ')) {
    std::string& line = lines.back();
    const std::string longer = line.empty() ? word : line + " " + word;
    if (!line.empty() && text_width(longer, size) > width) {
      lines.push_back(word);
    } else {
      line = longer;
    }
  }
  return lines;
}

Label text_label(Point at, std::string text, Anchor anchor) {
  return {at, std::move(text), kFont, anchor, false, false, kTextColor};
}

}  // namespace plateau::results
