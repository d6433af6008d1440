// Curves of the six kinds, with seeds that scatter: what the plateau test is tried on.
#pragma once

#include <array>
#include <map>
#include <string_view>

#include "common/base/random.h"
#include "coordinator/results/statistics/hockey_stick.h"
#include "coordinator/results/statistics/plateau.h"

namespace plateau::statistics {

inline constexpr std::array<std::int64_t, 8> kRanks{1, 2, 4, 8, 16, 32, 64, 128};

struct CurveKind {
  const char* name;
  PlateauAnswer truth;
  std::array<double, 8> means;  // of kRanks, in points
  double noise = 1.0;           // times the deviation that is asked for
};

// Under a margin of 0.5 points. The plateau's smallest rank is 8. One kind for each answer, and a
// plateau that is hard to tell.
inline const std::array<CurveKind, 7>& curve_kinds() {
  static const std::array<CurveKind, 7> kinds{{
      {"plateau from 8", PlateauAnswer::kPlateau, {85, 86.5, 87.4, 88, 88, 88, 88, 88}},
      {"flat", PlateauAnswer::kFlat, {88, 88, 88, 88, 88, 88, 88, 88}},
      {"still growing", PlateauAnswer::kNoPlateau, {81, 82, 83, 84, 85, 86, 87, 88}},
      {"peak at 16, decline",
       PlateauAnswer::kPeakThenDecline,
       {85, 86.5, 87.4, 88, 88, 87, 86, 85}},
      {"a hair below the margin at 4",
       PlateauAnswer::kPlateau,
       {85, 86, 87.45, 88, 88, 88, 88, 88}},
      {"drowned in noise",
       PlateauAnswer::kInconclusive,
       {87.6, 87.8, 88, 87.9, 88, 88, 87.9, 88},
       10.0},
      {"collapsed but one", PlateauAnswer::kCollapsed, {20, 21, 20, 22, 20, 19, 20, 88}},
  }};
  return kinds;
}

inline PlateauQuestion draw_question(const CurveKind& kind, double deviation, std::size_t seeds,
                                     Random& random) {
  PlateauQuestion question;
  question.margin = 0.5;
  question.chance = 33.3;
  for (std::size_t i = 0; i < kRanks.size(); ++i) {
    RankCell cell{kRanks[i], {}};
    for (std::size_t seed = 0; seed < seeds; ++seed)
      cell.values.emplace_back(kind.means[i] + kind.noise * deviation * random.normal());
    question.cells.push_back(std::move(cell));
  }
  return question;
}

struct Rates {
  std::map<PlateauAnswer, double> answers;
  double too_small = 0.0;  // plateau or flat at a rank that truly loses the margin or more
  double exact = 0.0;      // the true rank, where there is one
};

inline Rates simulate(const CurveKind& kind, double deviation, std::size_t seeds,
                      std::size_t draws) {
  Random random(derive_seed(7, kind.name, {seeds, static_cast<std::uint64_t>(deviation * 1000)}));
  Rates rates;
  const double share = 1.0 / static_cast<double>(draws);
  for (std::size_t i = 0; i < draws; ++i) {
    const PlateauResult result = find_plateau(draw_question(kind, deviation, seeds, random));
    rates.answers[result.answer] += share;
    const bool named = result.rank && (result.answer == PlateauAnswer::kPlateau ||
                                       result.answer == PlateauAnswer::kFlat);
    for (std::size_t k = 0; named && k < kRanks.size(); ++k) {
      if (kRanks[k] != *result.rank) continue;
      if (kind.means.back() - kind.means[k] >= 0.5) rates.too_small += share;
      if (kind.means.back() - kind.means[k] <= 0.0 &&
          (k == 0 || kind.means.back() - kind.means[k - 1] >= 0.5)) {
        rates.exact += share;
      }
    }
  }
  return rates;
}

// How often a 95 % interval holds the truth it is about.
struct Coverage {
  double loss = 0.0;             // Student's t of the mean loss of a rank against the largest
  double break_rank = 0.0;       // the bootstrap's interval of the hockey stick's break
  double hockey_stick = 0.0;     // share of draws in which AICc prefers the hockey stick
  double label_too_large = 0.0;  // the one-standard-error label names a rank above the truth
};

inline RankSeries series_of(const PlateauQuestion& question) {
  RankSeries series;
  series.values.resize(question.cells.front().values.size());
  for (const RankCell& cell : question.cells) {
    series.ranks.push_back(cell.rank);
    for (std::size_t seed = 0; seed < series.values.size(); ++seed)
      series.values[seed].push_back(*cell.values[seed]);
  }
  return series;
}

// The break of the curve without noise; the smallest rank with all of the largest rank's metric.
inline double true_break(const CurveKind& kind) {
  RankSeries series{{kRanks.begin(), kRanks.end()}, {}};
  series.values.assign(2, {kind.means.begin(), kind.means.end()});
  return fit_hockey_stick(series, {}, 0.95)->break_log2;
}

inline std::int64_t true_rank(const CurveKind& kind) {
  for (std::size_t i = 0; i < kRanks.size(); ++i) {
    if (kind.means[i] >= kind.means.back()) return kRanks[i];
  }
  return kRanks.back();
}

inline Coverage coverage_of(const CurveKind& kind, double deviation, std::size_t seeds,
                            std::size_t draws, std::size_t resample_count) {
  Random random(derive_seed(9, kind.name, {seeds, static_cast<std::uint64_t>(deviation * 1000)}));
  const double truth = true_break(kind);
  const double share = 1.0 / static_cast<double>(draws);
  Coverage coverage;
  for (std::size_t i = 0; i < draws; ++i) {
    const PlateauQuestion question = draw_question(kind, deviation, seeds, random);
    std::vector<double> losses;
    for (std::size_t seed = 0; seed < seeds; ++seed)
      losses.push_back(*question.cells.back().values[seed] - *question.cells[2].values[seed]);
    const Interval loss = t_interval(losses, 0.95);
    const double true_loss = kind.means.back() - kind.means[2];
    if (loss.low <= true_loss && true_loss <= loss.high) coverage.loss += share;
    std::vector<std::vector<std::size_t>> resamples(resample_count);
    for (auto& resample : resamples) {
      for (std::size_t k = 0; k < seeds; ++k)
        resample.push_back(random.below(seeds));
    }
    const auto fit = fit_hockey_stick(series_of(question), resamples, 0.95);
    if (fit->break_interval.low <= truth && truth <= fit->break_interval.high) {
      coverage.break_rank += share;
    }
    if (std::string_view(fit->best) == "hockey stick") coverage.hockey_stick += share;
    const auto label = find_plateau(question).one_standard_error_rank;
    if (label && *label > true_rank(kind)) coverage.label_too_large += share;
  }
  return coverage;
}

}  // namespace plateau::statistics
