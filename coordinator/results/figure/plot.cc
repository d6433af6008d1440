#include "coordinator/results/figure/plot.h"

#include <algorithm>

#include "coordinator/results/figure/font.h"

namespace plateau::results {

Rect Layout::plot(std::size_t index) const {
  const double left = static_cast<double>(index % columns) * panel_width();
  const double top = static_cast<double>(index / columns) * panel_height() + above;
  return {left + margin_left, top, left + panel_width() - 8, top + plot_height};
}

double Layout::bottom() const {
  return static_cast<double>((panels + columns - 1) / columns) * panel_height();
}

double title_offset(const Ticks& vertical) {
  double widest = 0.0;
  for (double tick : vertical.values)
    widest = std::max(widest, text_width(format_fixed(tick, vertical.decimals), kFont));
  return std::max(36.0, widest + 9.0);
}

double margin_left_of(const std::vector<Ticks>& verticals) {
  double margin = 0.0;
  for (const Ticks& vertical : verticals)
    margin = std::max(margin, title_offset(vertical) + 12.0);
  return margin;
}

Layout layout_of(const std::vector<Ticks>& verticals, double width) {
  const std::size_t panels = verticals.size();
  Layout layout;
  layout.margin_left = margin_left_of(verticals);
  layout.width = width > 0 ? width : panels == 1 ? 360.0 : 504.0;
  layout.panels = panels;
  layout.columns = std::min<std::size_t>(panels, layout.width >= 300 ? 2 : 1);
  layout.above = panels > 1 ? 24.0 : 8.0;
  layout.plot_height = std::clamp(layout.panel_width() * 0.55, 110.0, 210.0);
  return layout;
}

Plot::Plot(Rect area, Ticks vertical, Drawing& drawing)
    : area_(area), vertical_(std::move(vertical)), drawing_(drawing) {}

// Not inline: g++ 12 then warns of variants that were never filled.
void Plot::add(Shape shape) {
  drawing_.shapes.push_back(std::move(shape));
}

double Plot::y(double value) const {
  const double share = (value - vertical_.low) / (vertical_.high - vertical_.low);
  return area_.bottom - share * (area_.bottom - area_.top);
}

void Plot::grid() {
  for (double tick : vertical_.values) {
    add(Polyline{{{area_.left, y(tick)}, {area_.right, y(tick)}}, {kGridColor, 0.6, {}}});
    add(text_label({area_.left - 5, y(tick) + 3.1}, format_fixed(tick, vertical_.decimals),
                   Anchor::kEnd));
  }
}

void Plot::frame() {
  add(Polyline{{{area_.left, area_.top}, {area_.left, area_.bottom}, {area_.right, area_.bottom}},
               {kTextColor, 0.8, {}}});
}

void Plot::tick(double x, const std::string& text) {
  add(Polyline{{{x, area_.bottom}, {x, area_.bottom + 3}}, {kTextColor, 0.8, {}}});
  const double half = text_width(text, kFont) / 2;
  if (x - half < free_from_) return;
  free_from_ = x + half + 4;
  add(text_label({x, area_.bottom + 13}, text, Anchor::kMiddle));
}

void Plot::titles(const std::string& horizontal, const std::string& vertical) {
  add(text_label({(area_.left + area_.right) / 2, area_.bottom + 27}, horizontal, Anchor::kMiddle));
  Label side = text_label({area_.left - title_offset(vertical_), (area_.top + area_.bottom) / 2},
                          vertical, Anchor::kMiddle);
  side.is_upward = true;
  add(side);
}

void Plot::heading(const std::string& text) {
  const double room = area_.right - area_.left;
  Label title = text_label({area_.left, area_.top - 9},
                           fitted_text(text, room, kFont, /*is_bold=*/true), Anchor::kStart);
  title.is_bold = true;
  add(title);
}

std::string axis_title(const MetricStyle& metric, const std::string& split) {
  return metric.name + ", " + split + (metric.unit.empty() ? "" : " (" + metric.unit + ")");
}

double paint_reading(const std::string& text, double left, double y, Drawing& drawing) {
  for (const std::string& line : wrapped_lines(text, drawing.width - left - 8, kSmallFont)) {
    drawing.shapes.push_back(
        Label{{left, y}, line, kSmallFont, Anchor::kStart, false, false, kSoftColor});
    y += kSmallLine;
  }
  return y;
}

void finish(const Layout& layout, const Names& names, Samples samples, const std::string& reading,
            Drawing& drawing) {
  double y = layout.bottom() + 14;
  y += paint_legend(names, samples, {48, y, layout.width - 8, y}, drawing);
  drawing.height = paint_reading(reading, 48, y, drawing);
}

}  // namespace plateau::results
