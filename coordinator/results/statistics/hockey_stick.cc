#include "coordinator/results/statistics/hockey_stick.h"

#include <algorithm>
#include <cmath>

namespace plateau::statistics {
namespace {

// Means over seeds of the values without each seed's own mean, and how the rest scatters.
struct Points {
  std::vector<double> x;  // log2(rank)
  std::vector<double> y;
  double scatter = 0.0;  // sum of squares around y, over all seeds
  double seeds = 0.0;
};

struct Line {
  double intercept = 0.0;
  double slope = 0.0;
  double squares = 0.0;  // left over, per seed
};

Points points_of(const RankSeries& series, const std::vector<std::size_t>& seeds) {
  Points points;
  points.seeds = static_cast<double>(seeds.size());
  for (std::int64_t rank : series.ranks)
    points.x.push_back(std::log2(static_cast<double>(rank)));
  double grand = 0.0;
  for (std::size_t seed : seeds)
    grand += mean(series.values[seed]) / points.seeds;
  points.y.assign(points.x.size(), 0.0);
  std::vector<std::vector<double>> centred;
  for (std::size_t seed : seeds) {
    std::vector<double> values = series.values[seed];
    const double own = mean(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += grand - own;
      points.y[i] += values[i] / points.seeds;
    }
    centred.push_back(std::move(values));
  }
  for (const std::vector<double>& values : centred) {
    for (std::size_t i = 0; i < values.size(); ++i)
      points.scatter += (values[i] - points.y[i]) * (values[i] - points.y[i]);
  }
  return points;
}

Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const double mean_x = mean(x);
  const double mean_y = mean(y);
  double xx = 0.0;
  double xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  Line line;
  line.slope = xx > 0.0 ? xy / xx : 0.0;
  line.intercept = mean_y - line.slope * mean_x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double rest = y[i] - line.intercept - line.slope * x[i];
    line.squares += rest * rest;
  }
  return line;
}

// For a given break the shape is a line in min(x - break, 0).
Line fit_with_break(const Points& points, double at) {
  std::vector<double> bent;
  for (double x : points.x)
    bent.push_back(std::min(x - at, 0.0));
  return fit_line(bent, points.y);
}

// The break with the least squares: a fine grid between the second and the last rank, then thirds
// around its best point. A break at or left of the second rank could not be told from a step.
double best_break(const Points& points) {
  const double first = points.x[1];
  const double last = points.x.back();
  constexpr int kSteps = 200;
  const double step = (last - first) / kSteps;
  double best = first;
  double least = fit_with_break(points, first).squares;
  for (int i = 1; i <= kSteps; ++i) {
    const double at = first + i * step;
    const double squares = fit_with_break(points, at).squares;
    // Equal but for rounding: the smaller break stays.
    if (squares < least * (1.0 - 1e-12)) {
      least = squares;
      best = at;
    }
  }
  double low = std::max(first, best - step);
  double high = std::min(last, best + step);
  for (int i = 0; i < 40; ++i) {
    const double a = low + (high - low) / 3;
    const double b = high - (high - low) / 3;
    (fit_with_break(points, a).squares <= fit_with_break(points, b).squares ? high : low) =
        fit_with_break(points, a).squares <= fit_with_break(points, b).squares ? b : a;
  }
  const double middle = (low + high) / 2;
  return fit_with_break(points, middle).squares < least ? middle : best;
}

double aicc(const Points& points, double squares_per_seed, double shape_parameters) {
  const double count = points.seeds * static_cast<double>(points.x.size());
  const double total = points.seeds * squares_per_seed + points.scatter;
  // Beside the shape: the variance, and the own mean of every seed but one.
  const double parameters = shape_parameters + points.seeds;
  constexpr double kSmallest = 1e-300;  // exact fits of made-up numbers
  return count * std::log(std::max(total / count, kSmallest)) + 2 * parameters +
         2 * parameters * (parameters + 1) / (count - parameters - 1);
}

}  // namespace

std::optional<HockeyStick> fit_hockey_stick(const RankSeries& series,
                                            const std::vector<std::vector<std::size_t>>& resamples,
                                            double confidence) {
  const std::size_t seeds = series.values.size();
  const std::size_t ranks = series.ranks.size();
  if (seeds == 0 || ranks < 3 || seeds * (ranks - 1) <= 5) return std::nullopt;
  std::vector<std::size_t> everyone(seeds);
  for (std::size_t i = 0; i < seeds; ++i)
    everyone[i] = i;
  const Points points = points_of(series, everyone);

  HockeyStick fit;
  fit.break_log2 = best_break(points);
  const Line bent = fit_with_break(points, fit.break_log2);
  const Line straight = fit_line(points.x, points.y);
  const Line level = fit_line(std::vector<double>(points.x.size(), 0.0), points.y);
  fit.level = bent.intercept;
  fit.slope = bent.slope;
  fit.aicc_constant = aicc(points, level.squares, 1);
  fit.aicc_line = aicc(points, straight.squares, 2);
  fit.aicc_hockey_stick = aicc(points, bent.squares, 3);
  if (fit.aicc_line < fit.aicc_constant) fit.best = "line";
  if (fit.aicc_hockey_stick < std::min(fit.aicc_line, fit.aicc_constant)) {
    fit.best = "hockey stick";
  }

  std::vector<double> breaks;
  for (const std::vector<std::size_t>& resample : resamples)
    breaks.push_back(best_break(points_of(series, resample)));
  const double tail = (1.0 - confidence) / 2;
  fit.break_interval = breaks.empty()
                           ? Interval{fit.break_log2, fit.break_log2}
                           : Interval{percentile(breaks, tail), percentile(breaks, 1.0 - tail)};
  return fit;
}

}  // namespace plateau::statistics
