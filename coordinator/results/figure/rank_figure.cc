#include "coordinator/results/figure/rank_figure.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/results/figure/axis.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/legend.h"
#include "coordinator/results/figure/plot.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

// Baselines are drawn while the lines themselves keep a third of the axis.
constexpr double kMostFlattening = 3.0;
struct Panel {
  std::string base;
  std::string task;
  MetricStyle metric;
  std::vector<const Curve*> curves;
  std::vector<const Cell*> baselines;  // with a value
};

double printed(const Cell& cell, double value) {
  return cell.metric.factor * value;
}

bool has_value(const Curve& curve) {
  return std::any_of(curve.cells.begin(), curve.cells.end(),
                     [](const Cell* cell) { return cell->mean.has_value(); });
}

std::vector<Panel> panels(const Summary& summary, const std::vector<Curve>& all) {
  std::vector<Panel> result;
  for (const BaseSummary& base : summary.bases) {
    for (const TaskSummary& task : summary.tasks) {
      Panel panel{base.name, task.name, task.metric, {}, {}};
      for (const Curve& curve : all) {
        if (curve.base == base.name && curve.task == task.name && has_value(curve)) {
          panel.curves.push_back(&curve);
        }
      }
      for (const Cell& cell : summary.cells) {
        if (cell.is_baseline && cell.base == base.name && cell.task == task.name && cell.mean) {
          panel.baselines.push_back(&cell);
        }
      }
      if (!panel.curves.empty()) result.push_back(std::move(panel));
    }
  }
  return result;
}

struct Range {
  double low = 0, high = 0;
};

// What the lines, bands and dots need; baselines while there is room for them.
Range value_range(const Panel& panel, std::vector<const Cell*>& off_scale) {
  Range range{1e300, -1e300};
  const auto take = [&](double value) {
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  };
  for (const Curve* curve : panel.curves) {
    for (const Cell* cell : curve->cells) {
      for (const SeedResult& seed : cell->seeds) {
        if (seed.value) take(printed(*cell, *seed.value));
      }
      if (!cell->standard_deviation) continue;
      take(printed(*cell, *cell->mean - *cell->standard_deviation));
      take(printed(*cell, *cell->mean + *cell->standard_deviation));
    }
  }
  const double own = std::max(range.high - range.low, 1e-9);
  std::vector<const Cell*> nearest = panel.baselines;
  std::stable_sort(nearest.begin(), nearest.end(), [&](const Cell* a, const Cell* b) {
    const auto distance = [&](const Cell* cell) {
      const double value = printed(*cell, *cell->mean);
      return std::max({range.low - value, value - range.high, 0.0});
    };
    return distance(a) < distance(b);
  });
  for (const Cell* cell : nearest) {
    const double value = printed(*cell, *cell->mean);
    const double span = std::max(range.high, value) - std::min(range.low, value);
    if (span > kMostFlattening * own) {
      off_scale.push_back(cell);
    } else {
      take(value);
    }
  }
  return range;
}

Ticks vertical_of(const Panel& panel, std::vector<const Cell*>& off_scale) {
  const Range range = value_range(panel, off_scale);
  return nice_ticks(range.low, range.high, 7);
}

// What no panel has room for, and the most of one panel.
struct Off {
  std::set<const Cell*> cells;
  std::size_t most = 0;
};

Off off_scale(const std::vector<Panel>& all) {
  Off off;
  for (const Panel& panel : all) {
    std::vector<const Cell*> cells;
    (void)value_range(panel, cells);
    off.most = std::max(off.most, cells.size());
    off.cells.insert(cells.begin(), cells.end());
  }
  return off;
}

// A baseline that is drawn nowhere has no place in the legend.
Names names_of(const std::vector<Panel>& all, const Off& off) {
  Names names;
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.curves)
      add_name(names.curves, curve->label);
    for (const Cell* cell : panel.baselines) {
      if (off.cells.count(cell) == 0) add_name(names.baselines, cell->title);
    }
  }
  return names;
}

// Adapters stand side by side at a rank: a step of five points, sixteen in all at most.
double aside_of(const Names& names, const std::string& label) {
  const auto count = static_cast<double>(names.curves.size());
  if (count < 2) return 0.0;
  const auto index = static_cast<double>(index_of(names.curves, label));
  return (index - (count - 1) / 2) * std::min(5.0, 16.0 / (count - 1));
}

class PanelPainter {
 public:
  PanelPainter(const Panel& panel, const Names& names, Rect plot, Drawing& drawing)
      : panel_(panel), names_(names), plot_(plot), drawing_(drawing) {
    ticks_ = vertical_of(panel_, off_scale_);
    std::set<std::int64_t> ranks;
    for (const Curve* curve : panel_.curves) {
      for (const Cell* cell : curve->cells)
        ranks.insert(*cell->rank);
    }
    ranks_.assign(ranks.begin(), ranks.end());
  }

  void paint(bool with_title) {
    grid();
    baselines();
    for (const Curve* curve : panel_.curves)
      band(*curve);
    for (const Curve* curve : panel_.curves)
      line(*curve);
    frame();
    above(with_title);
  }

 private:
  double x(std::int64_t rank) const {
    const double low = std::log2(static_cast<double>(ranks_.front()));
    const double high = std::log2(static_cast<double>(ranks_.back()));
    const double share =
        high > low ? (std::log2(static_cast<double>(rank)) - low) / (high - low) : 0.5;
    const double margin = 18.0;
    return plot_.left + margin + share * (plot_.right - plot_.left - 2 * margin);
  }
  double aside(const Curve& curve) const { return aside_of(names_, curve.label); }
  double y(double value) const {
    const double share = (value - ticks_.low) / (ticks_.high - ticks_.low);
    return plot_.bottom - share * (plot_.bottom - plot_.top);
  }
  void add(Shape shape) { drawing_.shapes.push_back(std::move(shape)); }

  void grid() {
    for (double tick : ticks_.values) {
      add(Polyline{{{plot_.left, y(tick)}, {plot_.right, y(tick)}}, {kGridColor, 0.6, {}}});
      add(Label{{plot_.left - 5, y(tick) + 3.1},
                format_fixed(tick, ticks_.decimals),
                kFont,
                Anchor::kEnd,
                false,
                false,
                kTextColor});
    }
    double free_from = -1e300;
    for (std::int64_t rank : ranks_) {
      add(Polyline{{{x(rank), plot_.bottom}, {x(rank), plot_.bottom + 3}}, {kTextColor, 0.8, {}}});
      const std::string text = std::to_string(rank);
      const double half = text_width(text, kFont) / 2;
      if (x(rank) - half < free_from) continue;  // no room: the tick stays, the number goes
      free_from = x(rank) + half + 2;
      add(Label{
          {x(rank), plot_.bottom + 13}, text, kFont, Anchor::kMiddle, false, false, kTextColor});
    }
    add(Label{{(plot_.left + plot_.right) / 2, plot_.bottom + 27},
              "rank (log2 axis)",
              kFont,
              Anchor::kMiddle,
              false,
              false,
              kTextColor});
    std::string metric = panel_.metric.name + ", test";
    if (!panel_.metric.unit.empty()) metric += " (" + panel_.metric.unit + ")";
    add(Label{{plot_.left - title_offset(ticks_), (plot_.top + plot_.bottom) / 2},
              metric,
              kFont,
              Anchor::kMiddle,
              false,
              true,
              kTextColor});
  }

  void frame() {
    add(Polyline{{{plot_.left, plot_.top}, {plot_.left, plot_.bottom}, {plot_.right, plot_.bottom}},
                 {kTextColor, 0.8, {}}});
  }

  void baselines() {
    for (const Cell* cell : panel_.baselines) {
      if (std::find(off_scale_.begin(), off_scale_.end(), cell) != off_scale_.end()) continue;
      const double at = y(printed(*cell, *cell->mean));
      add(Polyline{{{plot_.left, at}, {plot_.right, at}},
                   baseline_stroke(index_of(names_.baselines, cell->title))});
    }
  }

  // Runs of neighbouring ranks that have a value: a missing cell is a gap, never bridged.
  std::vector<std::vector<const Cell*>> runs(const Curve& curve, bool with_spread) const {
    std::vector<std::vector<const Cell*>> all(1);
    for (const Cell* cell : curve.cells) {
      if (cell->mean && (!with_spread || cell->standard_deviation)) {
        all.back().push_back(cell);
      } else if (!all.back().empty()) {
        all.emplace_back();
      }
    }
    return all;
  }

  void band(const Curve& curve) {
    const LineStyle style = line_style(index_of(names_.curves, curve.label));
    for (const auto& run : runs(curve, /*with_spread=*/true)) {
      if (run.empty()) continue;
      // A single rank has no width of its own: its band is as wide as a marker.
      const double half = run.size() == 1 ? 3.0 : 0.0;
      std::vector<Point> upper;
      std::vector<Point> lower;
      for (const Cell* cell : run) {
        const double top = y(printed(*cell, *cell->mean + *cell->standard_deviation));
        const double bottom = y(printed(*cell, *cell->mean - *cell->standard_deviation));
        for (double dx : half > 0 ? std::vector<double>{-half, half} : std::vector<double>{0.0}) {
          upper.push_back({x(*cell->rank) + aside(curve) + dx, top});
          lower.push_back({x(*cell->rank) + aside(curve) + dx, bottom});
        }
      }
      upper.insert(upper.end(), lower.rbegin(), lower.rend());
      add(Area{upper, style.color, 0.16});
    }
  }

  void line(const Curve& curve) {
    const LineStyle style = line_style(index_of(names_.curves, curve.label));
    for (const auto& run : runs(curve, /*with_spread=*/false)) {
      std::vector<Point> points;
      for (const Cell* cell : run)
        points.push_back({x(*cell->rank) + aside(curve), y(printed(*cell, *cell->mean))});
      if (points.size() > 1) add(Polyline{points, {style.color, 1.5, style.dashes}});
    }
    for (const Cell* cell : curve.cells) {
      for (const SeedResult& seed : cell->seeds) {
        if (!seed.value) continue;
        add(Marker{{x(*cell->rank) + aside(curve), y(printed(*cell, *seed.value))},
                   MarkerShape::kCircle,
                   3.6,
                   style.color,
                   "#FFFFFF"});
      }
    }
    for (const Cell* cell : curve.cells) {
      if (!cell->mean) continue;
      add(Marker{{x(*cell->rank) + aside(curve), y(printed(*cell, *cell->mean))},
                 style.marker,
                 6.4,
                 cell->complete() ? style.color : "#FFFFFF",
                 cell->complete() ? "#FFFFFF" : style.color});
    }
  }

  void above(bool with_title) {
    double at = plot_.top - 7;
    for (const Cell* cell : off_scale_) {
      const double value = printed(*cell, *cell->mean);
      const std::string arrow = value < ticks_.low ? "↓ " : "↑ ";
      add(Label{{plot_.left + 4, at},
                arrow + cell->title + " " + format_fixed(value, cell->metric.decimals),
                kSmallFont,
                Anchor::kStart,
                false,
                false,
                kSoftColor});
      at -= kSmallLine;
    }
    if (!with_title) return;
    add(Label{{plot_.left, at - 2},
              fitted_text(panel_.task + ", " + panel_.base, plot_.right - plot_.left, kFont,
                          /*is_bold=*/true),
              kFont,
              Anchor::kStart,
              true,
              false,
              kTextColor});
  }

  const Panel& panel_;
  const Names& names_;
  Rect plot_;
  Drawing& drawing_;
  Ticks ticks_;
  std::vector<std::int64_t> ranks_;
  std::vector<const Cell*> off_scale_;
};

// "3" when every cell planned as many seeds, "2 to 5" otherwise.
std::string seeds_of(const std::vector<Panel>& all) {
  std::set<std::size_t> counts;
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.curves) {
      for (const Cell* cell : curve->cells)
        counts.insert(cell->planned());
    }
  }
  const std::string low = std::to_string(*counts.begin());
  return counts.size() == 1 ? low : low + " to " + std::to_string(*counts.rbegin());
}

bool any_incomplete(const std::vector<Panel>& all) {
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.curves) {
      for (const Cell* cell : curve->cells)
        if (!cell->complete()) return true;
    }
  }
  return false;
}

std::string reading(const std::vector<Panel>& all, const Off& off) {
  std::string text =
      "Line: mean over seeds (n = " + seeds_of(all) + "). Band: mean ± 1 s.d. Dots: seeds.";
  if (any_incomplete(all)) text += " Hollow: seeds missing.";
  if (!off.cells.empty()) text += " Arrow: a baseline beyond the axis.";
  return text;
}

std::string describe(const std::vector<Panel>& all) {
  std::string text;
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.curves) {
      text +=
          (text.empty() ? "" : " ") + panel.task + ", " + panel.base + ", " + curve->label + ":";
      for (const Cell* cell : curve->cells) {
        text += " rank " + std::to_string(*cell->rank) + " " +
                (cell->mean ? format_fixed(printed(*cell, *cell->mean), cell->metric.decimals)
                            : std::string("no value")) +
                (cell == curve->cells.back() ? "." : ",");
      }
    }
  }
  return text;
}

Layout layout_for(const std::vector<Panel>& all, const Off& off, double width) {
  Layout layout;
  layout.width = width > 0 ? width : all.size() == 1 ? 360.0 : 504.0;
  layout.panels = all.size();
  layout.margin_left = margin_left_of(axes_of(all, [](const Panel& panel) {
    std::vector<const Cell*> off_scale;
    return vertical_of(panel, off_scale);
  }));
  layout.columns = std::min<std::size_t>(all.size(), layout.width >= 480   ? 3
                                                     : layout.width >= 300 ? 2
                                                                           : 1);
  layout.above = 8.0 + kSmallLine * static_cast<double>(off.most) + (all.size() > 1 ? 14.0 : 0.0);
  layout.plot_height = std::clamp(layout.panel_width() * 0.55, 110.0, 210.0);
  return layout;
}

// Neighbouring ranks that have a value; a missing cell ends a run.
ChartSeries series_of(const Curve& curve, const Names& names) {
  ChartSeries series{curve.label, Spread::kBand, true, aside_of(names, curve.label), {{}}, {}, {}};
  for (const Cell* cell : curve.cells) {
    const auto rank = static_cast<double>(*cell->rank);
    for (const SeedResult& seed : cell->seeds) {
      if (seed.value) series.dots.push_back({rank, printed(*cell, *seed.value)});
    }
    if (cell->mean) {
      series.runs.back().push_back(
          {rank, printed(*cell, *cell->mean),
           std::abs(printed(*cell, cell->standard_deviation.value_or(0.0))), cell->complete()});
    } else if (!series.runs.back().empty()) {
      series.runs.emplace_back();
    }
  }
  return series;
}

ChartPanel chart_panel(const Panel& panel, const Names& names, bool with_title) {
  ChartPanel chart;
  std::vector<const Cell*> off;
  chart.y_range = vertical_of(panel, off);
  if (with_title) chart.title = panel.task + ", " + panel.base;
  chart.x_title = "rank";
  chart.y_title = axis_title(panel.metric, "test");
  chart.log_base = 2;
  std::set<std::int64_t> ranks;
  for (const Curve* curve : panel.curves) {
    chart.series.push_back(series_of(*curve, names));
    for (const Cell* cell : curve->cells)
      ranks.insert(*cell->rank);
  }
  for (std::int64_t rank : ranks)
    chart.x_ticks.push_back(static_cast<double>(rank));
  // Room for what stands beside a rank, a tenth of the axis as in the drawing.
  const double room = std::pow(std::max(chart.x_ticks.back() / chart.x_ticks.front(), 2.0), 0.1);
  chart.x_range = Ticks{chart.x_ticks.front() / room, chart.x_ticks.back() * room, {}, 0};
  for (const Cell* cell : panel.baselines) {
    if (std::find(off.begin(), off.end(), cell) != off.end()) {
      chart.title += (chart.title.empty() ? "" : "; ") + cell->title + " " +
                     format_fixed(printed(*cell, *cell->mean), cell->metric.decimals);
    } else {
      chart.levels.push_back({cell->title, printed(*cell, *cell->mean)});
    }
  }
  return chart;
}

}  // namespace

std::optional<Drawing> rank_figure(const Summary& summary, const FigureOptions& options) {
  const std::vector<Curve> all_curves = curves(summary);
  const std::vector<Panel> all = panels(summary, all_curves);
  if (all.empty()) return std::nullopt;
  const Off off = off_scale(all);
  const Names names = names_of(all, off);

  const Layout layout = layout_for(all, off, options.width);
  const double width = layout.width;
  Drawing drawing;
  drawing.width = width;
  drawing.title = "Metric against rank: " + summary.run;
  drawing.description = describe(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    PanelPainter(all[i], names, layout.plot(i), drawing).paint(all.size() > 1);
  }
  double y = layout.bottom() + 14;
  y += paint_legend(names, Samples::kLines, {48, y, width - 8, y}, drawing);
  for (const std::string& line : wrapped_lines(reading(all, off), width - 56, kSmallFont)) {
    drawing.shapes.push_back(
        Label{{48, y}, line, kSmallFont, Anchor::kStart, false, false, kSoftColor});
    y += kSmallLine;
  }
  drawing.height = y;
  return drawing;
}

std::optional<Chart> rank_chart(const Summary& summary, const FigureOptions& options) {
  const std::vector<Curve> all_curves = curves(summary);
  const std::vector<Panel> all = panels(summary, all_curves);
  if (all.empty()) return std::nullopt;
  const Off off = off_scale(all);
  Chart chart{"Metric against rank: " + summary.run,
              describe(all),
              reading(all, off),
              names_of(all, off),
              layout_for(all, off, options.width),
              {}};
  for (const Panel& panel : all)
    chart.panels.push_back(chart_panel(panel, chart.names, all.size() > 1));
  return chart;
}

}  // namespace plateau::results
