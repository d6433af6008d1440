#include <fmt/format.h>

#include "common/base/text.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/figure/chart.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/style.h"

namespace plateau::results {
namespace {

// "#RRGGBB" as an expression of xcolor.
std::string color_of(const std::string& color) {
  const auto channel = [&](std::size_t from) {
    return std::stoi(color.substr(from, 2), nullptr, 16);
  };
  return fmt::format("{{rgb,255:red,{};green,{};blue,{}}}", channel(1), channel(3), channel(5));
}

std::string dashes_of(const std::vector<double>& dashes) {
  if (dashes.empty()) return "solid";
  std::string text = "dash pattern=";
  for (std::size_t i = 0; i < dashes.size(); ++i)
    text += fmt::format("{}{} {}bp", i == 0 ? "" : " ", i % 2 == 0 ? "on" : "off", dashes[i]);
  return text;
}

const char* mark_of(MarkerShape shape) {
  switch (shape) {
    case MarkerShape::kSquare:
      return "mark=square*";
    case MarkerShape::kTriangle:
      return "mark=triangle*";
    case MarkerShape::kDiamond:
      return "mark=diamond*";
    case MarkerShape::kTriangleDown:
      return "mark=triangle*,mark options={solid,rotate=180}";
    case MarkerShape::kCross:
      return "mark=x";
    case MarkerShape::kCircle:
      break;
  }
  return "mark=*";
}

std::string curve_style(std::size_t index) {
  return "plateau curve " + std::to_string(index + 1);
}
std::string level_style(std::size_t index) {
  return "plateau baseline " + std::to_string(index + 1);
}

// Nine digits: more than a plot shows, without the dust of binary fractions.
std::string digits(double value) {
  return fmt::format("{:.9g}", value);
}

std::string at(double x, double y) {
  return "(" + digits(x) + "," + digits(y) + ")";
}

std::string styles(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.curves.size(); ++i) {
    const LineStyle style = line_style(i);
    text += fmt::format(
        "  {}/.style={{color={},line width=1.2bp,{},{},mark size=2.4bp,"
        "every mark/.append style={{solid}}}},% {}\n",
        curve_style(i), color_of(style.color), dashes_of(style.dashes), mark_of(style.marker),
        one_line(names.curves[i]));
  }
  for (std::size_t i = 0; i < names.baselines.size(); ++i) {
    const Stroke stroke = baseline_stroke(i);
    text +=
        fmt::format("  {}/.style={{color={},line width=1.1bp,{},mark=none}},% {}\n", level_style(i),
                    color_of(stroke.color), dashes_of(stroke.dashes), one_line(names.baselines[i]));
  }
  return text;
}

class AxisWriter {
 public:
  AxisWriter(const Chart& chart, std::size_t index)
      : chart_(chart), panel_(chart.panels[index]), index_(index) {}

  std::string text(bool with_legend) && {
    text_ = "\\begin{axis}[\n" + options(with_legend) + "]\n";
    for (const ChartLevel& level : panel_.levels) {
      text_ += "\\draw[" + level_style(index_of(chart_.names.baselines, level.label)) +
               "] ({rel axis cs:0,0}|-{axis cs:" + digits(first_x()) + "," + digits(level.y) +
               "})--({rel axis cs:1,0}|-{axis cs:" + digits(first_x()) + "," + digits(level.y) +
               "});% " + one_line(level.label) + "\n";
    }
    if (!panel_.front.empty()) {
      std::string steps;
      for (const Point& point : panel_.front)
        steps += at(point.x, point.y);
      text_ += "\\addplot[plateau front,forget plot] coordinates {" + steps + "};\n";
    }
    for (const ChartSeries& series : panel_.series)
      bands(series);
    for (const ChartSeries& series : panel_.series)
      marks(series);
    if (with_legend) legend();
    return text_ + "\\end{axis}\n";
  }

 private:
  double first_x() const {
    for (const ChartSeries& series : panel_.series) {
      for (const auto& run : series.runs) {
        if (!run.empty()) return run.front().x;
      }
    }
    return 1.0;
  }

  std::string options(bool with_legend) const {
    const Rect area = chart_.layout.plot(index_);
    std::string text = fmt::format(
        "  at={{({:.1f}bp,{:.1f}bp)}},anchor=south west,scale only axis,width={:.1f}bp,"
        "height={:.1f}bp,\n",
        area.left, -area.bottom, area.right - area.left, area.bottom - area.top);
    text +=
        "  axis lines=left,axis line style={-},ymajorgrids,grid style={black!10},"
        "tick align=outside,\n  tick style={black},font=\\small,";
    text +=
        fmt::format("ymin={},ymax={},\n", digits(panel_.y_range.low), digits(panel_.y_range.high));
    if (panel_.log_base > 0) text += fmt::format("  xmode=log,log basis x={},\n", panel_.log_base);
    if (panel_.x_range) {
      text += fmt::format("  xmin={},xmax={},\n", digits(panel_.x_range->low),
                          digits(panel_.x_range->high));
    }
    if (!panel_.x_ticks.empty()) text += "  " + ticks();
    text += "  xlabel={" + escape_latex(panel_.x_title) + "},ylabel={" +
            escape_latex(panel_.y_title) + "},\n";
    if (!panel_.title.empty()) {
      const std::string title =
          fitted_text(panel_.title, area.right - area.left, kFont, /*is_bold=*/true);
      text += "  title={\\bfseries " + escape_latex(title) + "},\n";
    }
    if (with_legend) {
      text +=
          "  legend style={at={(axis description cs:0,0)},yshift=-32bp,anchor=north west,"
          "draw=none,legend cell align=left,font=\\small,/tikz/every even "
          "column/.append style={column sep=6bp}},\n  legend columns=" +
          std::to_string(chart_.layout.width >= 300 ? 3 : 2) + ",\n";
    }
    return text;
  }

  std::string ticks() const {
    std::vector<std::string> values;
    std::vector<std::string> texts;
    for (double tick : panel_.x_ticks)
      values.push_back(digits(tick));
    for (const std::string& text : panel_.x_tick_texts)
      texts.push_back("{" + escape_latex(text) + "}");
    return "xtick={" + join(values, ",") + "},xticklabels={" +
           join(texts.empty() ? values : texts, ",") + "},minor tick num=0,xminorticks=false,\n";
  }

  std::string style_of(const ChartSeries& series) const {
    std::string text = curve_style(index_of(chart_.names.curves, series.label));
    if (series.aside != 0.0) text += ",xshift=" + digits(series.aside) + "bp";
    return text;
  }

  void bands(const ChartSeries& series) {
    if (series.spread != Spread::kBand) return;
    for (const auto& run : series.runs) {
      std::string upper;
      std::string lower;
      for (const ChartPoint& point : run) {
        upper += at(point.x, point.y + point.deviation);
        lower = at(point.x, point.y - point.deviation) + lower;
      }
      if (run.size() < 2) continue;
      text_ += "\\addplot[" + style_of(series) +
               ",draw=none,fill,fill opacity=0.16,mark=none,forget plot] coordinates {" + upper +
               lower + "}--cycle;\n";
    }
  }

  void marks(const ChartSeries& series) {
    for (const auto& run : series.runs) {
      std::string all;
      std::string hollow;
      for (const ChartPoint& point : run) {
        // A single point has no band; its spread is a bar.
        const bool bar =
            series.spread == Spread::kBar || (series.spread == Spread::kBand && run.size() < 2);
        const std::string error = bar ? fmt::format(" +- (0,{})", digits(point.deviation)) : "";
        all += at(point.x, point.y) + error;
        if (!point.is_complete) hollow += at(point.x, point.y);
      }
      const bool bars = series.spread == Spread::kBar || run.size() < 2;
      text_ +=
          "\\addplot[" + style_of(series) + (series.is_joined ? "" : ",only marks") +
          ",forget plot" +
          (bars ? ",error bars/.cd,y dir=both,y explicit,error mark=none,error bar style={solid}"
                : "") +
          "] coordinates {" + all + "};\n";
      if (!hollow.empty()) {
        text_ += "\\addplot[" + style_of(series) +
                 ",only marks,every mark/.append style={fill=white},forget plot] coordinates {" +
                 hollow + "};% seeds missing\n";
      }
    }
    std::string dots;
    for (const Point& dot : series.dots)
      dots += at(dot.x, dot.y);
    if (!dots.empty()) {
      text_ += "\\addplot[" + style_of(series) +
               ",only marks,mark=*,mark size=1bp,forget plot] coordinates {" + dots + "};% seeds\n";
    }
    for (const ChartBox& box : series.boxes)
      one_box(series, box);
  }

  void one_box(const ChartSeries& series, const ChartBox& box) {
    const std::string style = style_of(series) + ",solid,mark=none,forget plot";
    if (box.has_quartiles) {
      text_ += "\\addplot[" + style +
               fmt::format(
                   ",fill,fill opacity=0.18,draw opacity=1,boxplot prepared={{draw "
                   "direction=y,draw position={},box extend={},lower whisker={},lower "
                   "quartile={},median={},upper quartile={},upper whisker={}}}] "
                   "coordinates {{}};\n",
                   digits(box.x), digits(2 * box.half_width), digits(box.least), digits(box.low),
                   digits(box.median), digits(box.high), digits(box.most));
      return;
    }
    text_ += "\\addplot[" + style + ",line width=2bp] coordinates {" +
             at(box.x - box.half_width, box.median) + at(box.x + box.half_width, box.median) +
             "};% median\n";
  }

  void legend() {
    const bool lines = panel_.series.empty() || panel_.series.front().is_joined;
    for (std::size_t i = 0; i < chart_.names.curves.size(); ++i) {
      text_ += "\\addlegendimage{" + curve_style(i) + (lines ? "" : ",only marks") +
               "}\\addlegendentry{" + escape_latex(chart_.names.curves[i]) + "}\n";
    }
    for (std::size_t i = 0; i < chart_.names.baselines.size(); ++i) {
      text_ += "\\addlegendimage{" + level_style(i) + "}\\addlegendentry{" +
               escape_latex(chart_.names.baselines[i]) + "}\n";
    }
  }

  const Chart& chart_;
  const ChartPanel& panel_;
  std::size_t index_;
  std::string text_;
};

}  // namespace

std::string to_pgfplots(const Chart& chart) {
  std::string text =
      "% " + one_line(chart.title) +
      "\n% \\usepackage{pgfplots}\\usepgfplotslibrary{statistics}\\pgfplotsset{compat=1.16}, then"
      "\n% \\input this file in a figure. For the caption:\n% " +
      one_line(chart.reading) + "\n\\begin{tikzpicture}[\n" + styles(chart.names) +
      "  plateau front/.style={black!50,dashed,line width=1.2bp,mark=none}]\n";
  // The legend hangs under the first panel of the last row.
  const std::size_t last_row =
      (chart.panels.size() - 1) / chart.layout.columns * chart.layout.columns;
  for (std::size_t i = 0; i < chart.panels.size(); ++i)
    text += AxisWriter(chart, i).text(i == last_row);
  return text + "\\end{tikzpicture}\n";
}

}  // namespace plateau::results
