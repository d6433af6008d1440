#include "coordinator/results/figure/curves_figure.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/base/text.h"
#include "coordinator/results/figure/plot.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

constexpr std::size_t kMostBands = 4;     // beyond, bands hide the lines
constexpr std::size_t kMostMarkers = 10;  // on a line

struct Step {
  double step = 0.0;
  double mean = 0.0;       // printed units
  double deviation = 0.0;  // 0 for one seed
};

struct Line {
  std::string label;
  std::vector<Step> steps;  // ascending
};

struct Panel {
  std::string base;
  std::string task;
  std::string split;
  MetricStyle metric;
  std::vector<Line> lines;
};

// What a panel shows: a metric on a split.
using Shown = std::pair<std::string, std::string>;

using Rows = std::map<TrialId, const TrialRow*>;

// By step, the values of the finished seeds.
std::vector<Step> steps_of(const Cell& cell, const Rows& rows, const Shown& shown, double factor) {
  std::map<std::int64_t, std::vector<double>> values;
  std::size_t seeds = 0;
  for (const SeedResult& seed : cell.seeds) {
    if (seed.state != TrialState::kFinished) continue;
    const std::size_t before = seeds;
    for (const MetricValue& value : rows.at(seed.trial)->curve) {
      if (value.name != shown.first || value.split != shown.second) continue;
      values[value.step].push_back(factor * value.value);
      seeds = before + 1;
    }
  }
  std::vector<Step> steps;
  for (const auto& [step, here] : values) {
    if (here.size() != seeds) continue;
    steps.push_back({static_cast<double>(step), mean_of(here),
                     here.size() > 1 ? standard_deviation_of(here) : 0.0});
  }
  return steps;
}

std::vector<Line> lines_of(const std::vector<const Curve*>& curves, const Rows& rows,
                           const Shown& shown, double factor) {
  std::vector<Line> lines;
  for (const Curve* curve : curves) {
    for (const Cell* cell : curve->cells) {
      Line line{curve->label + ", r = " + std::to_string(*cell->rank),
                steps_of(*cell, rows, shown, factor)};
      if (!line.steps.empty()) lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::vector<Panel> panels(const RunView& run, const Summary& summary) {
  Rows rows;
  for (const TrialRow& row : run.trials)
    rows[row.id] = &row;
  const std::vector<Curve> all = curves(summary);
  std::vector<Panel> result;
  for (const BaseSummary& base : summary.bases) {
    for (const TaskSummary& task : summary.tasks) {
      std::vector<const Curve*> here;
      for (const Curve& curve : all) {
        if (curve.base == base.name && curve.task == task.name) here.push_back(&curve);
      }
      for (const Shown& shown : {Shown{task.metric.name, "validation"}, Shown{"loss", "train"}}) {
        const MetricStyle metric = metric_style(shown.first);
        auto lines = lines_of(here, rows, shown, metric.factor);
        if (lines.empty()) continue;
        result.push_back({base.name, task.name, shown.second, metric, std::move(lines)});
        break;
      }
    }
  }
  return result;
}

bool has_bands(const Panel& panel) {
  return panel.lines.size() <= kMostBands;
}

class Painter {
 public:
  Painter(const Panel& panel, const Names& names, Rect area, Drawing& drawing)
      : panel_(panel), names_(names), plot_(area, vertical(panel), drawing) {
    for (const Line& line : panel.lines)
      last_ = std::max(last_, line.steps.back().step);
  }

  void paint(bool with_heading) {
    plot_.grid();
    const Ticks steps = nice_ticks(0.0, std::max(last_, 1.0), 5);
    for (double step : steps.values) {
      if (step > -0.5 && step <= last_) plot_.tick(x(step), format_number(std::abs(step)));
    }
    plot_.titles("step", axis_title(panel_.metric, panel_.split));
    if (has_bands(panel_)) {
      for (const Line& line : panel_.lines)
        band(line);
    }
    for (const Line& line : panel_.lines)
      draw(line);
    plot_.frame();
    if (with_heading) plot_.heading(panel_.task + ", " + panel_.base);
  }

  static Ticks vertical(const Panel& panel) {
    double low = 1e300;
    double high = -1e300;
    for (const Line& line : panel.lines) {
      for (const Step& step : line.steps) {
        const double spread = has_bands(panel) ? step.deviation : 0.0;
        low = std::min(low, step.mean - spread);
        high = std::max(high, step.mean + spread);
      }
    }
    return nice_ticks(low, high, 7);
  }

 private:
  double x(double step) const {
    const Rect& area = plot_.area();
    return area.left + 6 + step / std::max(last_, 1.0) * (area.right - area.left - 12);
  }

  void band(const Line& line) {
    std::vector<Point> edge;
    for (const Step& step : line.steps)
      edge.push_back({x(step.step), plot_.y(step.mean + step.deviation)});
    for (auto step = line.steps.rbegin(); step != line.steps.rend(); ++step)
      edge.push_back({x(step->step), plot_.y(step->mean - step->deviation)});
    plot_.add(Area{edge, line_style(index_of(names_.curves, line.label)).color, 0.16});
  }

  void draw(const Line& line) {
    const LineStyle style = line_style(index_of(names_.curves, line.label));
    std::vector<Point> points;
    for (const Step& step : line.steps)
      points.push_back({x(step.step), plot_.y(step.mean)});
    if (points.size() > 1) plot_.add(Polyline{points, {style.color, 1.3, style.dashes}});
    const std::size_t every = 1 + (points.size() - 1) / kMostMarkers;
    // The last point always has its marker; the others follow from it.
    for (std::size_t i = (points.size() - 1) % every; i < points.size(); i += every)
      plot_.add(Marker{points[i], style.marker, 5.4, style.color, "#FFFFFF"});
  }

  const Panel& panel_;
  const Names& names_;
  Plot plot_;
  double last_ = 0.0;
};

std::string describe(const std::vector<Panel>& all) {
  std::string text;
  for (const Panel& panel : all) {
    for (const Line& line : panel.lines) {
      const Step& last = line.steps.back();
      text += (text.empty() ? "" : " ") + panel.task + ", " + panel.base + ", " + line.label +
              ": " + format_fixed(last.mean, panel.metric.decimals) + " at step " +
              format_number(last.step) + ".";
    }
  }
  return text;
}

Names names_of(const std::vector<Panel>& all) {
  Names names;
  for (const Panel& panel : all) {
    for (const Line& line : panel.lines)
      add_name(names.curves, line.label);
  }
  return names;
}

std::string reading_of(const std::vector<Panel>& all) {
  std::string reading = "Line: mean over the finished seeds, at the steps that all of them report.";
  if (std::any_of(all.begin(), all.end(), has_bands)) reading += " Band: mean ± 1 s.d.";
  return reading;
}

ChartPanel chart_panel(const Panel& panel, bool with_title) {
  ChartPanel chart;
  if (with_title) chart.title = panel.task + ", " + panel.base;
  chart.x_title = "step";
  chart.y_title = axis_title(panel.metric, panel.split);
  chart.y_range = Painter::vertical(panel);
  for (const Line& line : panel.lines) {
    ChartSeries series{
        line.label, has_bands(panel) ? Spread::kBand : Spread::kNone, true, 0.0, {{}}, {}, {}};
    for (const Step& step : line.steps)
      series.runs.back().push_back({step.step, step.mean, step.deviation, true});
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

std::optional<Drawing> curves_figure(const RunView& run, const Summary& summary,
                                     const FigureOptions& options) {
  const std::vector<Panel> all = panels(run, summary);
  if (all.empty()) return std::nullopt;
  const Names names = names_of(all);
  const Layout layout = layout_of(axes_of(all, Painter::vertical), options.width);
  Drawing drawing;
  drawing.width = layout.width;
  drawing.title = "Metric against training step: " + summary.run;
  drawing.description = describe(all);
  for (std::size_t i = 0; i < all.size(); ++i)
    Painter(all[i], names, layout.plot(i), drawing).paint(all.size() > 1);
  finish(layout, names, Samples::kLines, reading_of(all), drawing);
  return drawing;
}

std::optional<Chart> curves_chart(const RunView& run, const Summary& summary,
                                  const FigureOptions& options) {
  const std::vector<Panel> all = panels(run, summary);
  if (all.empty()) return std::nullopt;
  Chart chart{"Metric against training step: " + summary.run,
              describe(all),
              reading_of(all),
              names_of(all),
              layout_of(axes_of(all, Painter::vertical), options.width),
              {}};
  for (const Panel& panel : all)
    chart.panels.push_back(chart_panel(panel, all.size() > 1));
  return chart;
}

}  // namespace plateau::results
