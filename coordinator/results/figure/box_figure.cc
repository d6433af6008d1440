#include "coordinator/results/figure/box_figure.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/results/figure/plot.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

constexpr std::size_t kFewest = 5;  // seeds that make a box

struct Box {
  std::string label;
  std::int64_t rank = 0;
  std::vector<double> values;  // printed units, at least one
};

struct Panel {
  std::string base;
  std::string task;
  MetricStyle metric;
  std::vector<Box> boxes;
};

std::vector<Panel> panels(const Summary& summary) {
  std::vector<Panel> all;
  for (const Curve& curve : curves(summary)) {
    for (const Cell* cell : curve.cells) {
      Box box{curve.label, *cell->rank, {}};
      for (const SeedResult& seed : cell->seeds) {
        if (seed.value) box.values.push_back(cell->metric.factor * *seed.value);
      }
      if (box.values.empty()) continue;
      auto panel = std::find_if(all.begin(), all.end(), [&](const Panel& one) {
        return one.base == curve.base && one.task == curve.task;
      });
      if (panel == all.end()) {
        all.push_back({curve.base, curve.task, cell->metric, {}});
        panel = std::prev(all.end());
      }
      panel->boxes.push_back(std::move(box));
    }
  }
  return all;
}

class Painter {
 public:
  Painter(const Panel& panel, const Names& names, Rect area, Drawing& drawing)
      : panel_(panel), names_(names), plot_(area, vertical(panel), drawing) {
    std::set<std::int64_t> ranks;
    for (const Box& box : panel.boxes)
      ranks.insert(box.rank);
    ranks_.assign(ranks.begin(), ranks.end());
    slot_ = (area.right - area.left) / static_cast<double>(ranks_.size());
    step_ = slot_ * 0.8 / static_cast<double>(names.curves.size());
  }

  void paint(bool with_heading) {
    plot_.grid();
    for (std::int64_t rank : ranks_)
      plot_.tick(middle(rank), std::to_string(rank));
    plot_.titles("rank", axis_title(panel_.metric, "test"));
    for (const Box& box : panel_.boxes)
      draw(box);
    plot_.frame();
    if (with_heading) plot_.heading(panel_.task + ", " + panel_.base);
  }

  static Ticks vertical(const Panel& panel) {
    double low = 1e300;
    double high = -1e300;
    for (const Box& box : panel.boxes) {
      const auto [least, most] = std::minmax_element(box.values.begin(), box.values.end());
      low = std::min(low, *least);
      high = std::max(high, *most);
    }
    return nice_ticks(low, high, 7);
  }

 private:
  double middle(std::int64_t rank) const {
    const auto place = std::find(ranks_.begin(), ranks_.end(), rank) - ranks_.begin();
    return plot_.area().left + (static_cast<double>(place) + 0.5) * slot_;
  }

  void draw(const Box& box) {
    const std::size_t index = index_of(names_.curves, box.label);
    const LineStyle style = line_style(index);
    const double aside =
        (static_cast<double>(index) - (static_cast<double>(names_.curves.size()) - 1) / 2) * step_;
    const double x = middle(box.rank) + aside;
    const double half = std::min(9.0, step_ * 0.38);
    const Quartiles at = quartiles(box.values);
    if (box.values.size() >= kFewest) body(box, at, x, half, style);
    plot_.add(Polyline{{{x - half, plot_.y(at.median)}, {x + half, plot_.y(at.median)}},
                       {style.color, 2.0, {}}});
    for (double value : box.values)
      plot_.add(Marker{{x, plot_.y(value)}, style.marker, 4.0, style.color, "#FFFFFF"});
  }

  void body(const Box& box, const Quartiles& at, double x, double half, const LineStyle& style) {
    const auto [least, most] = std::minmax_element(box.values.begin(), box.values.end());
    const std::vector<Point> corners{{x - half, plot_.y(at.low)},
                                     {x + half, plot_.y(at.low)},
                                     {x + half, plot_.y(at.high)},
                                     {x - half, plot_.y(at.high)},
                                     {x - half, plot_.y(at.low)}};
    plot_.add(Area{corners, style.color, 0.18});
    plot_.add(Polyline{corners, {style.color, 1.0, {}}});
    for (const auto& [from, to] : {std::pair{at.low, *least}, std::pair{at.high, *most}})
      plot_.add(Polyline{{{x, plot_.y(from)}, {x, plot_.y(to)}}, {style.color, 1.0, {}}});
  }

  const Panel& panel_;
  const Names& names_;
  Plot plot_;
  std::vector<std::int64_t> ranks_;
  double slot_ = 0.0;
  double step_ = 0.0;
};

std::string describe(const std::vector<Panel>& all) {
  std::string text;
  for (const Panel& panel : all) {
    for (const Box& box : panel.boxes) {
      const Quartiles at = quartiles(box.values);
      const int decimals = panel.metric.decimals;
      text += (text.empty() ? "" : " ") + panel.task + ", " + panel.base + ", " + box.label +
              ", rank " + std::to_string(box.rank) + ": median " +
              format_fixed(at.median, decimals) + ", quartiles " + format_fixed(at.low, decimals) +
              " and " + format_fixed(at.high, decimals) + ", " + std::to_string(box.values.size()) +
              " seeds.";
    }
  }
  return text;
}

Names names_of(const std::vector<Panel>& all) {
  Names names;
  for (const Panel& panel : all) {
    for (const Box& box : panel.boxes)
      add_name(names.curves, box.label);
  }
  return names;
}

std::string reading_of(const std::vector<Panel>& all) {
  bool has_boxes = false;
  bool has_bars = false;
  for (const Panel& panel : all) {
    for (const Box& box : panel.boxes)
      (box.values.size() >= kFewest ? has_boxes : has_bars) = true;
  }
  std::string reading = "Thick bar: median over seeds. Markers: seeds.";
  if (has_boxes) reading += " Box: quartiles. Whiskers: smallest and largest seed.";
  if (has_bars) reading += " Fewer than five seeds have no box.";
  return reading;
}

// Ranks stand at 1, 2, 3, ...; the boxes of one rank share 0.8 around it.
ChartPanel chart_panel(const Panel& panel, const Names& names, bool with_title) {
  ChartPanel chart;
  if (with_title) chart.title = panel.task + ", " + panel.base;
  chart.x_title = "rank";
  chart.y_title = axis_title(panel.metric, "test");
  chart.y_range = Painter::vertical(panel);
  std::set<std::int64_t> ranks;
  for (const Box& box : panel.boxes)
    ranks.insert(box.rank);
  for (std::int64_t rank : ranks) {
    chart.x_ticks.push_back(static_cast<double>(chart.x_ticks.size() + 1));
    chart.x_tick_texts.push_back(std::to_string(rank));
  }
  chart.x_range = Ticks{0.5, static_cast<double>(ranks.size()) + 0.5, {}, 0};
  const auto count = static_cast<double>(names.curves.size());
  for (const std::string& label : names.curves)
    chart.series.push_back({label, Spread::kNone, false, 0.0, {}, {}, {}});
  for (const Box& box : panel.boxes) {
    const std::size_t index = index_of(names.curves, box.label);
    const auto place = static_cast<double>(std::distance(ranks.begin(), ranks.find(box.rank)));
    const double x = place + 1 + (static_cast<double>(index) - (count - 1) / 2) * 0.8 / count;
    const Quartiles at = quartiles(box.values);
    const auto [least, most] = std::minmax_element(box.values.begin(), box.values.end());
    chart.series[index].boxes.push_back({x, *least, at.low, at.median, at.high, *most,
                                         0.8 / count * 0.38, box.values.size() >= kFewest});
    for (double value : box.values)
      chart.series[index].dots.push_back({x, value});
  }
  return chart;
}

}  // namespace

Quartiles quartiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}

std::optional<Drawing> box_figure(const Summary& summary, const FigureOptions& options) {
  const std::vector<Panel> all = panels(summary);
  if (all.empty()) return std::nullopt;
  const Names names = names_of(all);
  const Layout layout = layout_of(axes_of(all, Painter::vertical), options.width);
  Drawing drawing;
  drawing.width = layout.width;
  drawing.title = "Spread over seeds at each rank: " + summary.run;
  drawing.description = describe(all);
  for (std::size_t i = 0; i < all.size(); ++i)
    Painter(all[i], names, layout.plot(i), drawing).paint(all.size() > 1);
  finish(layout, names, Samples::kMarkers, reading_of(all), drawing);
  return drawing;
}

std::optional<Chart> box_chart(const Summary& summary, const FigureOptions& options) {
  const std::vector<Panel> all = panels(summary);
  if (all.empty()) return std::nullopt;
  Chart chart{"Spread over seeds at each rank: " + summary.run,
              describe(all),
              reading_of(all),
              names_of(all),
              layout_of(axes_of(all, Painter::vertical), options.width),
              {}};
  for (const Panel& panel : all)
    chart.panels.push_back(chart_panel(panel, chart.names, all.size() > 1));
  return chart;
}

}  // namespace plateau::results
