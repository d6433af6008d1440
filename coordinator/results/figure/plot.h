// A figure's panels: where they stand, a vertical axis, what stands below them all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/figure/axis.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/legend.h"
#include "coordinator/results/metric.h"

namespace plateau::results {

// Panels of equal size in rows, left to right. Points.
struct Layout {
  double width = 0.0;
  std::size_t panels = 1;
  std::size_t columns = 1;
  double above = 8.0;  // of a plot: room for its heading
  double plot_height = 0.0;
  double margin_left = 48.0;  // of a plot: numbers and the title of its axis

  double panel_width() const { return width / static_cast<double>(columns); }
  double panel_height() const { return above + plot_height + 36.0; }
  Rect plot(std::size_t index) const;
  // Below the last row.
  double bottom() const;
};

// From a plot to its axis's title on the left: beyond the widest of the numbers between them.
double title_offset(const Ticks& vertical);

// The largest room that one of the axes needs left of its plot.
double margin_left_of(const std::vector<Ticks>& verticals);

// The vertical axes of panels, each by `axis_of(panel)`.
template <typename Panels, typename AxisOf>
std::vector<Ticks> axes_of(const Panels& panels, const AxisOf& axis_of) {
  std::vector<Ticks> axes;
  for (const auto& panel : panels)
    axes.push_back(axis_of(panel));
  return axes;
}

// A panel for each vertical axis. `width` as FigureOptions gives it (0: 360 for one panel, 504 for
// several).
Layout layout_of(const std::vector<Ticks>& verticals, double width);

// Paints into `drawing`, which must outlive it.
class Plot {
 public:
  Plot(Rect area, Ticks vertical, Drawing& drawing);

  const Rect& area() const { return area_; }
  double y(double value) const;
  void add(Shape shape);

  // Grey lines across and the numbers beside them.
  void grid();
  // The left and the lower edge.
  void frame();
  // A tick below the plot with its number; the number goes where the one before leaves no room.
  void tick(double x, const std::string& text);
  void titles(const std::string& horizontal, const std::string& vertical);
  void heading(const std::string& text);

 private:
  Rect area_;
  Ticks vertical_;
  Drawing& drawing_;
  double free_from_ = -1e300;
};

// "accuracy, test (%)"
std::string axis_title(const MetricStyle& metric, const std::string& split);

// Small grey lines of `text` from `y` down; returns where they end.
double paint_reading(const std::string& text, double left, double y, Drawing& drawing);

// Legend and reading below the panels; sets the drawing's height.
void finish(const Layout& layout, const Names& names, Samples samples, const std::string& reading,
            Drawing& drawing);

}  // namespace plateau::results
