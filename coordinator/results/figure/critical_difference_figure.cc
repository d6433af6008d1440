#include "coordinator/results/figure/critical_difference_figure.h"

#include <algorithm>

#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/plot.h"

namespace plateau::results {
namespace {

constexpr double kLevel = 0.05;
constexpr double kAxis = 34.0;  // from the top
constexpr double kBarStep = 7.0;
constexpr double kNameStep = 14.0;

double rank_of(const Ranking& ranking, const std::string& adapter) {
  const auto place = std::find(ranking.adapters.begin(), ranking.adapters.end(), adapter);
  return ranking.average_ranks[static_cast<std::size_t>(place - ranking.adapters.begin())];
}

class Painter {
 public:
  Painter(const Ranking& ranking, Drawing& drawing) : ranking_(ranking), drawing_(drawing) {
    double widest = 0.0;
    for (std::size_t i = 0; i < ranking.adapters.size(); ++i)
      widest = std::max(widest, text_width(named(i), kFont));
    side_ = std::min(widest + 18, drawing.width * 0.4);
  }

  // Returns where it ends.
  double paint() {
    axis();
    const double bars_end = kAxis + 8 + kBarStep * static_cast<double>(bars());
    return names(bars_end + 10);
  }

 private:
  void add(Shape shape) { drawing_.shapes.push_back(std::move(shape)); }
  double x(double rank) const {
    const double last = static_cast<double>(ranking_.adapters.size());
    return side_ + (rank - 1) / (last - 1) * (drawing_.width - 2 * side_);
  }
  std::string named(std::size_t i) const {
    return ranking_.adapters[i] + "  " + format_fixed(ranking_.average_ranks[i], 2);
  }

  void axis() {
    const std::size_t last = ranking_.adapters.size();
    add(text_label({drawing_.width / 2, 11}, "average rank (1: best)", Anchor::kMiddle));
    add(Polyline{{{x(1), kAxis}, {x(static_cast<double>(last)), kAxis}}, {kTextColor, 0.8, {}}});
    for (std::size_t rank = 1; rank <= last; ++rank) {
      const double at = x(static_cast<double>(rank));
      add(Polyline{{{at, kAxis - 4}, {at, kAxis}}, {kTextColor, 0.8, {}}});
      add(text_label({at, kAxis - 7}, std::to_string(rank), Anchor::kMiddle));
    }
  }

  std::size_t bars() {
    if (ranking_.smallest_p > kLevel) return 0;
    double at = kAxis + 8;
    for (const auto& clique : ranking_.cliques) {
      const double from = x(rank_of(ranking_, clique.front()));
      const double to = x(rank_of(ranking_, clique.back()));
      add(Polyline{{{from - 2, at}, {to + 2, at}}, {kTextColor, 2.6, {}}});
      at += kBarStep;
    }
    return ranking_.cliques.size();
  }

  // The better half at the left, the best on top; the others at the right, the worst on top, so
  // that no two connectors cross.
  double names(double top) {
    const std::size_t count = ranking_.adapters.size();
    const std::size_t left = (count + 1) / 2;
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_left = i < left;
      const std::size_t line = is_left ? i : count - 1 - i;
      const double y = top + kNameStep * static_cast<double>(line);
      const double at = x(ranking_.average_ranks[i]);
      const double end = is_left ? side_ - 6 : drawing_.width - side_ + 6;
      add(Polyline{{{at, kAxis}, {at, y}, {end, y}}, {kTextColor, 0.8, {}}});
      add(text_label({is_left ? end - 4 : end + 4, y + 3.1}, named(i),
                     is_left ? Anchor::kEnd : Anchor::kStart));
    }
    return top + kNameStep * static_cast<double>(left);
  }

  const Ranking& ranking_;
  Drawing& drawing_;
  double side_ = 0.0;
};

std::string reading_of(const Ranking& ranking) {
  const std::string over = "Average rank over " + std::to_string(ranking.tasks) + " tasks. ";
  if (ranking.smallest_p > kLevel) {
    return over + "So few tasks tell no adapters apart: Wilcoxon's test with Holm reaches p = " +
           format_fixed(ranking.smallest_p, 4) + " at best, so no bars are drawn.";
  }
  return over +
         "Bar: adapters that Wilcoxon's signed-rank test over tasks with Holm's correction does "
         "not tell apart at 0.05.";
}

std::string describe(const Ranking& ranking) {
  std::string text;
  for (std::size_t i = 0; i < ranking.adapters.size(); ++i) {
    text += (i == 0 ? "" : ", ") + ranking.adapters[i] + " " +
            format_fixed(ranking.average_ranks[i], 2);
  }
  return text + ". " + reading_of(ranking);
}

}  // namespace

Drawing critical_difference_figure(const Ranking& ranking, const std::string& run,
                                   const FigureOptions& options) {
  Drawing drawing;
  drawing.width = options.width > 0 ? options.width : 360.0;
  drawing.title = "Adapters by average rank: " + run;
  drawing.description = describe(ranking);
  const double end = Painter(ranking, drawing).paint();
  drawing.height = paint_reading(reading_of(ranking), 8, end + 8, drawing);
  return drawing;
}

}  // namespace plateau::results
