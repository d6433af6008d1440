// A figure as its numbers: axes, series and coordinates, for programs that draw them themselves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/figure/plot.h"

namespace plateau::results {

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  double deviation = 0.0;  // to each side; 0: none to show
  bool is_complete = true;
};

struct ChartBox {
  double x = 0.0;
  double least = 0.0;
  double low = 0.0;
  double median = 0.0;
  double high = 0.0;
  double most = 0.0;
  double half_width = 0.1;
  bool has_quartiles = true;  // else the median alone
};

enum class Spread { kNone, kBand, kBar };

// One entry of the legend in one panel.
struct ChartSeries {
  std::string label;  // of Chart::names.curves
  Spread spread = Spread::kNone;
  bool is_joined = true;
  double aside = 0.0;                         // points to the right
  std::vector<std::vector<ChartPoint>> runs;  // nothing is drawn between two of them
  std::vector<Point> dots;                    // single seeds
  std::vector<ChartBox> boxes;
};

struct ChartLevel {
  std::string label;  // of Chart::names.baselines
  double y = 0.0;
};

struct ChartPanel {
  std::string title;  // empty: the only one
  std::string x_title;
  std::string y_title;
  int log_base = 0;  // of the horizontal axis; 0: linear
  std::vector<double> x_ticks;
  std::vector<std::string> x_tick_texts;  // as many, or none: the numbers themselves
  std::optional<Ticks> x_range;
  Ticks y_range;
  std::vector<ChartSeries> series;
  std::vector<ChartLevel> levels;
  std::vector<Point> front;  // steps of the Pareto front
};

struct Chart {
  std::string title;
  std::string description;
  std::string reading;
  Names names;
  Layout layout;
  std::vector<ChartPanel> panels;
};

// A tikzpicture of PGFPlots axes for \input: coordinates in the unit of the axis and one style for
// each entry of the legend, defined at the top, so that a paper can restyle it. Its first lines
// name the packages.
std::string to_pgfplots(const Chart& chart);

}  // namespace plateau::results
