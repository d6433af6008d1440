// A broken line in log2(rank): rising (or falling) up to a break, level from there. Description
// beside the plateau test, never its answer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/results/statistics/intervals.h"

namespace plateau::statistics {

struct RankSeries {
  std::vector<std::int64_t> ranks;          // ascending, at least three
  std::vector<std::vector<double>> values;  // [seed][rank]; every seed has every rank
};

struct HockeyStick {
  double level = 0.0;       // right of the break
  double slope = 0.0;       // per doubling of the rank, left of it
  double break_log2 = 0.0;  // log2 of the break's rank
  // Corrected Akaike criteria of the three shapes; smaller is better.
  double aicc_constant = 0.0;
  double aicc_line = 0.0;
  double aicc_hockey_stick = 0.0;
  // Differences to the smallest of the three above 2 are some evidence, above 10 strong.
  const char* best = "constant";  // constant | line | hockey stick
  Interval break_interval;        // percentile bootstrap over seeds, log2
};

// Least squares after each seed's own mean is taken out (a seed shifts all its ranks). resamples
// choose seeds: resamples[b][i] is the seed in the i-th place of the b-th resample. nullopt when
// there are too few values for the criteria (seeds * (ranks - 1) <= 5) or under three ranks.
std::optional<HockeyStick> fit_hockey_stick(const RankSeries& series,
                                            const std::vector<std::vector<std::size_t>>& resamples,
                                            double confidence);

}  // namespace plateau::statistics
