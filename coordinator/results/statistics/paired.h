// Paired comparisons, exact for small samples: every sign pattern is counted, none is drawn.
#pragma once

#include <cstddef>
#include <vector>

#include "coordinator/results/statistics/intervals.h"

namespace plateau::statistics {

// Most pairs that are enumerated: 2^20 patterns. Above it the tests draw patterns (see below).
inline constexpr std::size_t kMostEnumeratedPairs = 20;

// Two-sided p of "the differences are symmetric about zero" by the mean of the differences: the
// share of the 2^n sign patterns whose mean is at least as far from zero. 1 for no differences.
// Above kMostEnumeratedPairs: 100,000 patterns drawn from a fixed seed, the observed one counted.
double permutation_test(const std::vector<double>& differences);

struct Wilcoxon {
  double statistic = 0.0;  // the smaller of the two rank sums
  std::size_t pairs = 0;   // without zero differences
  double p_value = 1.0;    // two-sided
};

// Wilcoxon's signed rank test: zero differences dropped, ties get the mean of their ranks, and the
// p is exact over all sign patterns of those ranks, by counting rank sums. Above
// kMostCountedPairs it is the normal approximation with the variance corrected for ties, without
// continuity correction.
inline constexpr std::size_t kMostCountedPairs = 200;
Wilcoxon wilcoxon_signed_rank(const std::vector<double>& differences);

struct PairedBootstrap {
  Interval interval;     // of the mean difference, percentile
  double p_value = 1.0;  // two-sided: twice the smaller share of means on one side of zero
};

// resamples as for bootstrap_interval. The observed sample is counted in both shares, so the p is
// never zero.
PairedBootstrap paired_bootstrap(const std::vector<double>& differences,
                                 const std::vector<std::vector<std::size_t>>& resamples,
                                 double confidence);

// The smallest two-sided p that n pairs can give at all: 2 / 2^n, at most 1. Five pairs: 0.0625.
double smallest_p(std::size_t pairs);

// Holm's step-down adjustment; the order of the result is that of the input.
std::vector<double> holm(const std::vector<double>& p_values);

struct WinTieLoss {
  std::size_t wins = 0;
  std::size_t ties = 0;
  std::size_t losses = 0;
};

// Differences above `tie`, within it, below it. tie >= 0.
WinTieLoss win_tie_loss(const std::vector<double>& differences, double tie);

}  // namespace plateau::statistics
