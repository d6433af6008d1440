#include "coordinator/results/figure/pareto_figure.h"

#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "coordinator/results/figure/axis.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/legend.h"
#include "coordinator/results/figure/plot.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

struct Panel {
  std::string base;
  std::string task;
  MetricStyle metric;
  std::vector<std::pair<std::string, const Cell*>> cells;  // label of the curve, cell
};

bool takes_part(const Cell& cell) {
  return !cell.is_baseline && cell.mean && cell.complete() &&
         cell.adapter_parameters.value_or(0) > 0;
}

std::vector<Panel> panels(const Summary& summary) {
  std::vector<Panel> all;
  for (const Curve& curve : curves(summary)) {
    auto found = std::find_if(all.begin(), all.end(), [&](const Panel& panel) {
      return panel.base == curve.base && panel.task == curve.task;
    });
    if (found == all.end()) {
      all.push_back({curve.base, curve.task, curve.cells.front()->metric, {}});
      found = std::prev(all.end());
    }
    for (const Cell* cell : curve.cells) {
      if (takes_part(*cell)) found->cells.emplace_back(curve.label, cell);
    }
  }
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const Panel& panel) { return panel.cells.empty(); }),
            all.end());
  return all;
}

// "1k", "500", "2.5M": short enough for an axis.
std::string short_count(double count) {
  if (count >= 1e9) return format_number(count / 1e9) + "B";
  if (count >= 1e6) return format_number(count / 1e6) + "M";
  if (count >= 1e3) return format_number(count / 1e3) + "k";
  return format_number(count);
}

Ticks vertical_of(const Panel& panel) {
  double low = 1e300;
  double high = -1e300;
  for (const auto& [label, cell] : panel.cells) {
    const double spread = cell->standard_deviation.value_or(0.0);
    low = std::min(low, cell->metric.factor * (*cell->mean - spread));
    high = std::max(high, cell->metric.factor * (*cell->mean + spread));
  }
  return nice_ticks(low, high, 7);
}

class Painter {
 public:
  Painter(const Panel& panel, const Names& names, Rect plot, Drawing& drawing)
      : panel_(panel), names_(names), plot_(plot), drawing_(drawing), ticks_(vertical_of(panel)) {
    for (const auto& [label, cell] : panel_.cells) {
      const double parameters = std::log10(static_cast<double>(*cell->adapter_parameters));
      first_ = std::min(first_, parameters);
      last_ = std::max(last_, parameters);
    }
    const double margin = std::max(0.06 * (last_ - first_), 0.1);
    first_ -= margin;
    last_ += margin;
  }

  void paint(bool with_title) {
    grid();
    front();
    for (const auto& [label, cell] : panel_.cells)
      point(label, *cell);
    add(Polyline{{{plot_.left, plot_.top}, {plot_.left, plot_.bottom}, {plot_.right, plot_.bottom}},
                 {kTextColor, 0.8, {}}});
    if (!with_title) return;
    const std::string name = panel_.task + ", " + panel_.base;
    Label title = text_label({plot_.left, plot_.top - 9},
                             fitted_text(name, plot_.right - plot_.left, kFont, /*is_bold=*/true),
                             Anchor::kStart);
    title.is_bold = true;
    add(title);
  }

 private:
  static double value(const Cell& cell, double stored) { return cell.metric.factor * stored; }
  double x(double log10_parameters) const {
    return plot_.left + (log10_parameters - first_) / (last_ - first_) * (plot_.right - plot_.left);
  }
  double x_of(const Cell& cell) const {
    return x(std::log10(static_cast<double>(*cell.adapter_parameters)));
  }
  double y(double printed) const {
    return plot_.bottom -
           (printed - ticks_.low) / (ticks_.high - ticks_.low) * (plot_.bottom - plot_.top);
  }
  void add(Shape shape) { drawing_.shapes.push_back(std::move(shape)); }

  void grid() {
    for (double tick : ticks_.values) {
      add(Polyline{{{plot_.left, y(tick)}, {plot_.right, y(tick)}}, {kGridColor, 0.6, {}}});
      add(text_label({plot_.left - 5, y(tick) + 3.1}, format_fixed(tick, ticks_.decimals),
                     Anchor::kEnd));
    }
    // 1, 2 and 5 times the powers of ten; the powers alone once there are many.
    const bool sparse = last_ - first_ > 2.5;
    double free_from = -1e300;
    for (int power = static_cast<int>(std::floor(first_)); power <= last_; ++power) {
      for (double digit : {1.0, 2.0, 5.0}) {
        const double at = power + std::log10(digit);
        if (at < first_ || at > last_ || (sparse && digit > 1.0)) continue;
        add(Polyline{{{x(at), plot_.bottom}, {x(at), plot_.bottom + 3}}, {kTextColor, 0.8, {}}});
        const std::string text = short_count(digit * std::pow(10.0, power));
        const double half = text_width(text, kFont) / 2;
        if (x(at) - half < free_from) continue;
        free_from = x(at) + half + 4;
        add(text_label({x(at), plot_.bottom + 13}, text, Anchor::kMiddle));
      }
    }
    add(text_label({(plot_.left + plot_.right) / 2, plot_.bottom + 27},
                   "trainable parameters of the adapter", Anchor::kMiddle));
    std::string metric = panel_.metric.name + ", test";
    if (!panel_.metric.unit.empty()) metric += " (" + panel_.metric.unit + ")";
    Label side = text_label({plot_.left - title_offset(ticks_), (plot_.top + plot_.bottom) / 2},
                            metric, Anchor::kMiddle);
    side.is_upward = true;
    add(side);
  }

  void front() {
    std::vector<const Cell*> cells;
    for (const auto& [label, cell] : panel_.cells)
      cells.push_back(cell);
    std::vector<Point> steps;
    for (const Cell* cell : pareto_front(cells)) {
      const Point at{x_of(*cell), y(value(*cell, *cell->mean))};
      if (!steps.empty()) steps.push_back({at.x, steps.back().y});
      steps.push_back(at);
    }
    if (steps.empty()) return;
    steps.push_back({plot_.right, steps.back().y});
    add(Polyline{steps, {"#888888", 1.2, {4, 2}}});
  }

  void point(const std::string& label, const Cell& cell) {
    const LineStyle style = line_style(index_of(names_.curves, label));
    const double at = x_of(cell);
    const double spread = cell.standard_deviation.value_or(0.0);
    add(Polyline{
        {{at, y(value(cell, *cell.mean - spread))}, {at, y(value(cell, *cell.mean + spread))}},
        {style.color, 1.0, {}}});
    add(Marker{{at, y(value(cell, *cell.mean))}, style.marker, 7.0, style.color, "#FFFFFF"});
  }

  const Panel& panel_;
  const Names& names_;
  Rect plot_;
  Drawing& drawing_;
  Ticks ticks_;
  double first_ = 1e300;
  double last_ = -1e300;
};

std::string describe(const std::vector<Panel>& all) {
  std::string text;
  for (const Panel& panel : all) {
    text += (text.empty() ? "" : " ") + panel.task + ", " + panel.base + ":";
    for (const auto& [label, cell] : panel.cells) {
      text += " " + label + " r=" + std::to_string(*cell->rank) + " " +
              format_count(*cell->adapter_parameters) + " parameters " +
              format_fixed(cell->metric.factor * *cell->mean, cell->metric.decimals) + ";";
    }
  }
  return text;
}

Names names_of(const std::vector<Panel>& all) {
  Names names;
  for (const Panel& panel : all) {
    for (const auto& [label, cell] : panel.cells)
      add_name(names.curves, label);
  }
  return names;
}

std::vector<Point> front_of(const Panel& panel) {
  std::vector<const Cell*> cells;
  for (const auto& [label, cell] : panel.cells)
    cells.push_back(cell);
  std::vector<Point> steps;
  for (const Cell* cell : pareto_front(cells)) {
    const Point at{static_cast<double>(*cell->adapter_parameters),
                   cell->metric.factor * *cell->mean};
    if (!steps.empty()) steps.push_back({at.x, steps.back().y});
    steps.push_back(at);
  }
  double largest = 0.0;
  for (const Cell* cell : cells)
    largest = std::max(largest, static_cast<double>(*cell->adapter_parameters));
  steps.push_back({largest, steps.back().y});
  return steps;
}

// 1, 2 and 5 times the powers of ten; the powers alone once there are many.
void add_count_ticks(const Panel& panel, ChartPanel& chart) {
  double low = 1e300;
  double high = 0.0;
  for (const auto& [label, cell] : panel.cells) {
    low = std::min(low, static_cast<double>(*cell->adapter_parameters));
    high = std::max(high, static_cast<double>(*cell->adapter_parameters));
  }
  chart.x_range = Ticks{low / 1.3, high * 1.3, {}, 0};
  const bool sparse = std::log10(high / low) > 1.5;
  for (double power = std::floor(std::log10(low)); power <= std::log10(high); power += 1.0) {
    for (double digit : {1.0, 2.0, 5.0}) {
      const double at = digit * std::pow(10.0, power);
      if (at < low / 1.3 || at > high * 1.3 || (sparse && digit > 1.0)) continue;
      chart.x_ticks.push_back(at);
      chart.x_tick_texts.push_back(short_count(at));
    }
  }
}

ChartPanel chart_panel(const Panel& panel, const Names& names, bool with_title) {
  ChartPanel chart;
  if (with_title) chart.title = panel.task + ", " + panel.base;
  chart.x_title = "trainable parameters of the adapter";
  chart.y_title = axis_title(panel.metric, "test");
  chart.log_base = 10;
  chart.y_range = vertical_of(panel);
  chart.front = front_of(panel);
  add_count_ticks(panel, chart);
  for (const std::string& name : names.curves) {
    ChartSeries series{name, Spread::kBar, false, 0.0, {{}}, {}, {}};
    for (const auto& [label, cell] : panel.cells) {
      if (label != name) continue;
      series.runs.back().push_back(
          {static_cast<double>(*cell->adapter_parameters), cell->metric.factor * *cell->mean,
           std::abs(cell->metric.factor * cell->standard_deviation.value_or(0.0)), true});
    }
    if (!series.runs.back().empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

constexpr char kReading[] =
    "Marker: mean over seeds, one for each rank. Bar: mean ± 1 s.d. Dashed: Pareto front, what "
    "nothing smaller equals. Head parameters are not counted; cells with seeds missing are left "
    "out.";

}  // namespace

std::vector<const Cell*> pareto_front(const std::vector<const Cell*>& cells) {
  std::vector<const Cell*> sorted;
  for (const Cell* cell : cells) {
    if (takes_part(*cell)) sorted.push_back(cell);
  }
  const auto good = [](const Cell* cell) {
    return cell->metric.higher_is_better ? *cell->mean : -*cell->mean;
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Cell* a, const Cell* b) {
    if (*a->adapter_parameters != *b->adapter_parameters) {
      return *a->adapter_parameters < *b->adapter_parameters;
    }
    return good(a) > good(b);
  });
  std::vector<const Cell*> front;
  for (const Cell* cell : sorted) {
    if (front.empty() || good(cell) > good(front.back())) front.push_back(cell);
  }
  return front;
}

std::optional<Drawing> pareto_figure(const Summary& summary, const FigureOptions& options) {
  const std::vector<Panel> all = panels(summary);
  if (all.empty()) return std::nullopt;
  const Names names = names_of(all);
  const Layout layout = layout_of(axes_of(all, vertical_of), options.width);
  const double width = layout.width;
  Drawing drawing;
  drawing.width = width;
  drawing.title = "Metric against trainable parameters: " + summary.run;
  drawing.description = describe(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Painter(all[i], names, layout.plot(i), drawing).paint(all.size() > 1);
  }
  double y = layout.bottom() + 14;
  y += paint_legend(names, Samples::kMarkers, {48, y, width - 8, y}, drawing);
  for (const std::string& line : wrapped_lines(kReading, width - 56, kSmallFont)) {
    drawing.shapes.push_back(
        Label{{48, y}, line, kSmallFont, Anchor::kStart, false, false, kSoftColor});
    y += kSmallLine;
  }
  drawing.height = y;
  return drawing;
}

std::optional<Chart> pareto_chart(const Summary& summary, const FigureOptions& options) {
  const std::vector<Panel> all = panels(summary);
  if (all.empty()) return std::nullopt;
  Chart chart{"Metric against trainable parameters: " + summary.run,
              describe(all),
              kReading,
              names_of(all),
              layout_of(axes_of(all, vertical_of), options.width),
              {}};
  for (const Panel& panel : all)
    chart.panels.push_back(chart_panel(panel, chart.names, all.size() > 1));
  return chart;
}

}  // namespace plateau::results
