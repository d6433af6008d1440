// Curves of the six kinds, with seeds that scatter: what the plateau test is tried on.
#pragma once

#include <array>
#include <map>

#include "common/base/random.h"
#include "coordinator/results/statistics/plateau.h"

namespace plateau::statistics {

inline constexpr std::array<std::int64_t, 8> kRanks{1, 2, 4, 8, 16, 32, 64, 128};

struct CurveKind {
  const char* name;
  PlateauAnswer truth;
  std::array<double, 8> means;  // of kRanks, in points
};

// Under a margin of 0.5 points. The plateau's smallest rank is 8.
inline const std::array<CurveKind, 6>& curve_kinds() {
  static const std::array<CurveKind, 6> kinds{{
      {"plateau from 8", PlateauAnswer::kPlateau, {85, 86.5, 87.4, 88, 88, 88, 88, 88}},
      {"flat", PlateauAnswer::kFlat, {88, 88, 88, 88, 88, 88, 88, 88}},
      {"still growing", PlateauAnswer::kNoPlateau, {81, 82, 83, 84, 85, 86, 87, 88}},
      {"peak at 16, decline",
       PlateauAnswer::kPeakThenDecline,
       {85, 86.5, 87.4, 88, 88, 87, 86, 85}},
      {"a hair below the margin at 4",
       PlateauAnswer::kPlateau,
       {85, 86, 87.45, 88, 88, 88, 88, 88}},
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
      cell.values.emplace_back(kind.means[i] + deviation * random.normal());
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

}  // namespace plateau::statistics
