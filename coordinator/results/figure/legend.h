// What figures share below and around their panels.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/figure/drawing.h"

namespace plateau::results {

inline constexpr double kFont = 9.0;
inline constexpr double kSmallFont = 7.5;
inline constexpr double kSmallLine = 10.0;  // from one small line to the next
inline constexpr char kGridColor[] = "#E4E4E4";
inline constexpr char kTextColor[] = "#222222";
inline constexpr char kSoftColor[] = "#666666";

struct Rect {
  double left = 0.0;
  double top = 0.0;
  double right = 0.0;
  double bottom = 0.0;
};

// Line styles and baseline strokes go by place in these lists, so that an adapter looks the same in
// every panel.
struct Names {
  std::vector<std::string> curves;
  std::vector<std::string> baselines;
};

void add_name(std::vector<std::string>& names, const std::string& name);
std::size_t index_of(const std::vector<std::string>& names, const std::string& name);

// Samples of the curves: lines with their marker, or the marker alone.
enum class Samples { kLines, kMarkers };

// Entries in rows, left to right, a new row where the next would not fit. Returns the height.
double paint_legend(const Names& names, Samples samples, Rect place, Drawing& drawing);

// Words in lines of at most `width` points.
std::vector<std::string> wrapped_lines(const std::string& text, double width, double size);

// Left, bottom and right of a plot are set by the caller; the usual black text.
Label text_label(Point at, std::string text, Anchor anchor);

}  // namespace plateau::results
