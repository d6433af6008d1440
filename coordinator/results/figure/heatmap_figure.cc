#include "coordinator/results/figure/heatmap_figure.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/plot.h"

namespace plateau::results {
namespace {

constexpr double kMostNames = 0.4;  // of the width, for the names of the rows

constexpr double kRow = 22.0;
constexpr double kWhiteTextFrom = 0.5;  // share of the scale

struct Panel {
  std::string base;
  std::string task;
  MetricStyle metric;
  std::vector<const Curve*> rows;
  std::vector<std::int64_t> ranks;  // ascending
};

bool has_mean(const Curve& curve) {
  return std::any_of(curve.cells.begin(), curve.cells.end(),
                     [](const Cell* cell) { return cell->mean.has_value(); });
}

std::vector<Panel> panels(const std::vector<Curve>& all) {
  std::vector<Panel> result;
  for (const Curve& curve : all) {
    if (!has_mean(curve)) continue;
    auto panel = std::find_if(result.begin(), result.end(), [&](const Panel& one) {
      return one.base == curve.base && one.task == curve.task;
    });
    if (panel == result.end()) {
      result.push_back({curve.base, curve.task, curve.cells.front()->metric, {}, {}});
      panel = std::prev(result.end());
    }
    panel->rows.push_back(&curve);
    for (const Cell* cell : curve.cells)
      panel->ranks.push_back(*cell->rank);
    const std::set<std::int64_t> ranks(panel->ranks.begin(), panel->ranks.end());
    panel->ranks.assign(ranks.begin(), ranks.end());
  }
  return result;
}

// From the worst to the best mean, as stored.
struct Scale {
  double worst = 0.0;
  double best = 0.0;

  // 0: the worst, 1: the best.
  double share(double mean) const {
    return best == worst ? 0.5 : std::clamp((mean - worst) / (best - worst), 0.0, 1.0);
  }
};

Scale scale_of(const Panel& panel) {
  std::vector<double> complete;
  std::vector<double> any;
  for (const Curve* curve : panel.rows) {
    for (const Cell* cell : curve->cells) {
      if (!cell->mean) continue;
      any.push_back(*cell->mean);
      if (cell->complete()) complete.push_back(*cell->mean);
    }
  }
  const std::vector<double>& values = complete.empty() ? any : complete;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return panel.metric.higher_is_better ? Scale{*low, *high} : Scale{*high, *low};
}

// Straight from a pale to a deep blue: lightness falls with every step.
std::string shade(double share) {
  constexpr double kPale[] = {237, 243, 250};
  constexpr double kDeep[] = {8, 48, 107};
  const auto channel = [&](int i) {
    return static_cast<int>(std::lround(kPale[i] + share * (kDeep[i] - kPale[i])));
  };
  return fmt::format("#{:02X}{:02X}{:02X}", channel(0), channel(1), channel(2));
}

class Painter {
 public:
  Painter(const Panel& panel, Rect area, Drawing& drawing)
      : panel_(panel), area_(area), drawing_(drawing), scale_(scale_of(panel)) {
    column_ = (area.right - area.left) / static_cast<double>(panel.ranks.size());
  }

  void paint() {
    Label title = text_label(
        {8, area_.top - 9},
        fitted_text(panel_.task + ", " + panel_.base + ": " + axis_title(panel_.metric, "test"),
                    area_.right - 8, kFont, /*is_bold=*/true),
        Anchor::kStart);
    title.is_bold = true;
    add(title);
    for (std::size_t row = 0; row < panel_.rows.size(); ++row) {
      const double top = area_.top + static_cast<double>(row) * kRow;
      add(text_label({area_.left - 6, top + kRow / 2 + 3.1},
                     fitted_text(panel_.rows[row]->label, area_.left - 12, kFont), Anchor::kEnd));
      for (std::size_t i = 0; i < panel_.ranks.size(); ++i)
        field(*panel_.rows[row], i, top);
    }
    const double bottom = area_.top + static_cast<double>(panel_.rows.size()) * kRow;
    for (std::size_t i = 0; i < panel_.ranks.size(); ++i) {
      add(text_label({left(i) + column_ / 2, bottom + 12}, std::to_string(panel_.ranks[i]),
                     Anchor::kMiddle));
    }
    add(text_label({(area_.left + area_.right) / 2, bottom + 25}, "rank", Anchor::kMiddle));
  }

 private:
  void add(Shape shape) { drawing_.shapes.push_back(std::move(shape)); }
  double left(std::size_t column) const {
    return area_.left + static_cast<double>(column) * column_;
  }

  void field(const Curve& curve, std::size_t column, double top) {
    const auto cell = std::find_if(curve.cells.begin(), curve.cells.end(), [&](const Cell* one) {
      return *one->rank == panel_.ranks[column];
    });
    if (cell == curve.cells.end()) return;  // not in the sweep: nothing there
    const double x = left(column);
    const std::vector<Point> corners{
        {x, top}, {x + column_, top}, {x + column_, top + kRow}, {x, top + kRow}, {x, top}};
    const bool has_mean = (*cell)->mean.has_value();
    const double share = has_mean ? scale_.share(*(*cell)->mean) : 0.0;
    if (has_mean) add(Area{corners, shade(share), 1.0});
    add(Polyline{corners, {has_mean ? "#FFFFFF" : kGridColor, 0.8, {}}});
    const std::string value =
        has_mean ? format_fixed((*cell)->metric.factor * *(*cell)->mean, (*cell)->metric.decimals)
                 : "–";
    const char* ink = share > kWhiteTextFrom ? "#FFFFFF" : kTextColor;
    const double middle = x + column_ / 2;
    const bool complete = (*cell)->complete();
    add(Label{{middle, top + (complete ? kRow / 2 + 3.1 : 10.0)},
              value,
              kFont,
              Anchor::kMiddle,
              false,
              false,
              ink});
    if (complete) return;
    add(Label{{middle, top + 19.0},
              std::to_string((*cell)->with_value()) + "/" + std::to_string((*cell)->planned()),
              kSmallFont,
              Anchor::kMiddle,
              false,
              false,
              ink});
  }

  const Panel& panel_;
  Rect area_;
  Drawing& drawing_;
  Scale scale_;
  double column_ = 0.0;
};

std::string describe(const std::vector<Panel>& all) {
  std::string text;
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.rows) {
      text +=
          (text.empty() ? "" : " ") + panel.task + ", " + panel.base + ", " + curve->label + ":";
      for (const Cell* cell : curve->cells) {
        text += " rank " + std::to_string(*cell->rank) + " " +
                (cell->mean ? format_fixed(cell->metric.factor * *cell->mean, cell->metric.decimals)
                            : std::string("no value")) +
                (cell == curve->cells.back() ? "." : ",");
      }
    }
  }
  return text;
}

}  // namespace

std::optional<Drawing> heatmap_figure(const Summary& summary, const FigureOptions& options) {
  const std::vector<Curve> all_curves = curves(summary);
  const std::vector<Panel> all = panels(all_curves);
  if (all.empty()) return std::nullopt;
  Drawing drawing;
  drawing.width = options.width > 0 ? options.width : 360.0;
  drawing.title = "Adapters against ranks: " + summary.run;
  drawing.description = describe(all);
  double names = 0.0;
  bool any_incomplete = false;
  for (const Panel& panel : all) {
    for (const Curve* curve : panel.rows) {
      names = std::max(names, text_width(curve->label, kFont));
      for (const Cell* cell : curve->cells)
        any_incomplete = any_incomplete || !cell->complete();
    }
  }
  names = std::min(names, kMostNames * drawing.width);
  // Panels stand below each other: a field must hold its number at the width of one column.
  double y = 0.0;
  for (const Panel& panel : all) {
    const double rows = static_cast<double>(panel.rows.size()) * kRow;
    Painter(panel, {names + 12, y + 24, drawing.width - 8, y + 24 + rows}, drawing).paint();
    y += 24 + rows + 34;
  }
  std::string reading = "Number: mean over seeds. Darker: better, within a panel.";
  if (any_incomplete) reading += " 1/2: seeds with a value of those planned. Dash: none.";
  drawing.height = paint_reading(reading, 8, y + 8, drawing);
  return drawing;
}

}  // namespace plateau::results
