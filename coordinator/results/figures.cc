// Figures of a run, by kind and format.
#include <charconv>
#include <optional>

#include "common/base/text.h"
#include "coordinator/results/comparison.h"
#include "coordinator/results/figure/box_figure.h"
#include "coordinator/results/figure/critical_difference_figure.h"
#include "coordinator/results/figure/curves_figure.h"
#include "coordinator/results/figure/heatmap_figure.h"
#include "coordinator/results/figure/pareto_figure.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/results.h"
#include "coordinator/results/summary.h"

namespace plateau {
namespace {

std::optional<results::Drawing> drawing_of(const RunView& run, FigureKind kind,
                                           const results::FigureOptions& options) {
  const results::Summary summary = results::summarise(run);
  switch (kind) {
    case FigureKind::kRank:
      return results::rank_figure(summary, options);
    case FigureKind::kPareto:
      return results::pareto_figure(summary, options);
    case FigureKind::kCurves:
      return results::curves_figure(run, summary, options);
    case FigureKind::kBox:
      return results::box_figure(summary, options);
    case FigureKind::kHeatmap:
      return results::heatmap_figure(summary, options);
    case FigureKind::kCriticalDifference:
      break;
  }
  const auto ranking = results::rank_adapters(summary);
  if (!ranking) return std::nullopt;
  return results::critical_difference_figure(*ranking, run.name, options);
}

// Axes and coordinates, for the kinds that are plots.
std::optional<results::Chart> chart_of(const RunView& run, FigureKind kind,
                                       const results::FigureOptions& options) {
  const results::Summary summary = results::summarise(run);
  switch (kind) {
    case FigureKind::kRank:
      return results::rank_chart(summary, options);
    case FigureKind::kPareto:
      return results::pareto_chart(summary, options);
    case FigureKind::kCurves:
      return results::curves_chart(run, summary, options);
    case FigureKind::kBox:
      return results::box_chart(summary, options);
    case FigureKind::kHeatmap:
    case FigureKind::kCriticalDifference:
      break;
  }
  return std::nullopt;
}

// What a run lacks that has no such figure.
std::string missing(FigureKind kind) {
  if (kind == FigureKind::kCriticalDifference) {
    return "no two adapters that share a rank and a seed on at least two tasks (of each base)";
  }
  if (kind == FigureKind::kCurves) {
    return "no finished trial of an adapter with a rank that reports its task's metric on the "
           "validation split, or its training loss, on the way (protocol.evaluations)";
  }
  if (kind == FigureKind::kPareto) return "no adapter yet all of whose seeds have finished";
  return "no finished trial of an adapter with a rank yet";
}

}  // namespace

const std::vector<std::pair<std::string, FigureKind>>& figure_kinds() {
  static const std::vector<std::pair<std::string, FigureKind>> kinds{
      {"rank", FigureKind::kRank},       {"pareto", FigureKind::kPareto},
      {"curves", FigureKind::kCurves},   {"box", FigureKind::kBox},
      {"heatmap", FigureKind::kHeatmap}, {"critical-difference", FigureKind::kCriticalDifference}};
  return kinds;
}

const std::vector<std::pair<std::string, FigureFormat>>& figure_formats() {
  static const std::vector<std::pair<std::string, FigureFormat>> formats{
      {"svg", FigureFormat::kSvg},
      {"pdf", FigureFormat::kPdf},
      {"tex", FigureFormat::kPgfPlots},
      {"tikz", FigureFormat::kTikz}};
  return formats;
}

Result<double> figure_width(const std::string& text) {
  if (text == "one") return 252.0;
  if (text == "two") return 504.0;
  double points = -1.0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, points);
  const bool fits = points == 0.0 || (points >= 200.0 && points <= 2000.0);
  if (read.ec == std::errc() && read.ptr == end && fits) return points;
  return invalid_argument("a figure cannot be '" + text +
                          "' wide; say one or two (columns of a two-column paper: 252 and 504 "
                          "points), or 200 to 2000 points.");
}

Result<results::Drawing> figure_drawing(const RunView& run, FigureKind kind, double width) {
  if (width != 0.0 && !(width >= 200.0 && width <= 2000.0)) {
    return invalid_argument("a figure of " + format_number(width) +
                            " points cannot be read; choose 200 to 2000 (252 is a column of most "
                            "two-column papers, 504 both).");
  }
  auto drawing = drawing_of(run, kind, {width});
  if (drawing) return std::move(*drawing);
  return not_found("run '" + run.name + "' has " + missing(kind) +
                   ", so this figure would be empty. See 'plateau status " + run.name + "'.");
}

Result<std::string> figure_bytes(const RunView& run, FigureKind kind, FigureFormat format,
                                 double width) {
  const auto drawing = figure_drawing(run, kind, width);
  if (!drawing) return drawing.error();
  switch (format) {
    case FigureFormat::kPdf:
      return results::to_pdf(*drawing);
    case FigureFormat::kPgfPlots:
      if (const auto chart = chart_of(run, kind, {width})) return results::to_pgfplots(*chart);
      return results::to_tikz(*drawing);
    case FigureFormat::kTikz:
      return results::to_tikz(*drawing);
    case FigureFormat::kSvg:
      break;
  }
  return results::to_svg(*drawing);
}

}  // namespace plateau
