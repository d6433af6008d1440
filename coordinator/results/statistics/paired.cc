#include "coordinator/results/statistics/paired.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include <boost/math/distributions/normal.hpp>

#include "common/base/random.h"

namespace plateau::statistics {
namespace {

// Sums that are equal but for the order of their additions count as equal.
constexpr double kRelativeSlack = 1e-12;
constexpr std::size_t kDrawnPatterns = 100'000;

double total_size(const std::vector<double>& values) {
  double total = 0.0;
  for (double value : values)
    total += std::abs(value);
  return total;
}

double enumerated(const std::vector<double>& differences) {
  const double observed = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  const double slack = kRelativeSlack * total_size(differences);
  const std::uint64_t patterns = std::uint64_t{1} << differences.size();
  // A Gray code turns one sign a step; the sum is made new now and then so that it stays exact.
  std::vector<double> signs(differences.size(), 1.0);
  double sum = std::accumulate(differences.begin(), differences.end(), 0.0);
  std::uint64_t as_far = 0;
  for (std::uint64_t pattern = 0; pattern < patterns; ++pattern) {
    if (pattern > 0) {
      std::size_t turned = 0;
      while (((pattern >> turned) & 1u) == 0)
        ++turned;
      signs[turned] = -signs[turned];
      sum += 2.0 * signs[turned] * differences[turned];
      if (pattern % 1024 == 0) {
        sum = std::inner_product(differences.begin(), differences.end(), signs.begin(), 0.0);
      }
    }
    if (std::abs(sum) >= observed - slack) ++as_far;
  }
  return static_cast<double>(as_far) / static_cast<double>(patterns);
}

double drawn(const std::vector<double>& differences) {
  const double observed = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  const double slack = kRelativeSlack * total_size(differences);
  Random random(derive_seed(0, "paired permutation test"));
  std::size_t as_far = 1;  // the observed pattern itself
  for (std::size_t i = 0; i < kDrawnPatterns; ++i) {
    double sum = 0.0;
    for (double difference : differences)
      sum += (random.next() >> 63) != 0 ? difference : -difference;
    if (std::abs(sum) >= observed - slack) ++as_far;
  }
  return static_cast<double>(as_far) / static_cast<double>(kDrawnPatterns + 1);
}

// Twice the mid-ranks of |differences|, so that ties stay whole numbers.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& differences) {
  std::vector<std::size_t> order(differences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(differences[a]) < std::abs(differences[b]);
  });
  std::vector<std::size_t> ranks(differences.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() &&
           std::abs(differences[order[last + 1]]) == std::abs(differences[order[first]])) {
      ++last;
    }
    for (std::size_t i = first; i <= last; ++i)
      ranks[order[i]] = first + last + 2;  // 2 * (mean of first + 1 .. last + 1)
    first = last + 1;
  }
  return ranks;
}

// Two-sided p of a rank sum (doubled) over all sign patterns of the doubled ranks.
double counted(const std::vector<std::size_t>& ranks, std::size_t smaller) {
  const std::size_t all = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  // ways[s]: the share of sign patterns whose positive ranks sum to s (doubled).
  std::vector<double> ways(all + 1, 0.0);
  ways[0] = 1.0;
  std::size_t reached = 0;
  for (std::size_t rank : ranks) {
    reached += rank;
    for (std::size_t sum = reached + 1; sum-- > 0;) {
      ways[sum] = 0.5 * ways[sum] + (sum >= rank ? 0.5 * ways[sum - rank] : 0.0);
    }
  }
  double tail = 0.0;
  for (std::size_t sum = 0; sum <= smaller; ++sum)
    tail += ways[sum];
  return std::min(1.0, 2.0 * tail);
}

// The sum of positive mid-ranks has mean (sum of ranks) / 2 and variance (sum of squares) / 4; with
// mid-ranks the squares hold the correction for ties.
double normal(const std::vector<std::size_t>& ranks, std::size_t smaller) {
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t doubled : ranks) {
    const double rank = static_cast<double>(doubled) / 2;
    sum += rank;
    squares += rank * rank;
  }
  const double z = (static_cast<double>(smaller) / 2 - sum / 2) / std::sqrt(squares / 4);
  return std::min(1.0, 2.0 * cdf(boost::math::normal(), z));
}

}  // namespace

double permutation_test(const std::vector<double>& differences) {
  if (differences.empty()) return 1.0;
  return differences.size() <= kMostEnumeratedPairs ? enumerated(differences) : drawn(differences);
}

Wilcoxon wilcoxon_signed_rank(const std::vector<double>& differences) {
  std::vector<double> nonzero;
  for (double difference : differences) {
    if (difference != 0.0) nonzero.push_back(difference);
  }
  Wilcoxon result;
  result.pairs = nonzero.size();
  if (nonzero.empty()) return result;
  const std::vector<std::size_t> ranks = doubled_ranks(nonzero);
  const std::size_t all = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  std::size_t positive = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    positive += nonzero[i] > 0.0 ? ranks[i] : 0;
  const std::size_t smaller = std::min(positive, all - positive);
  result.statistic = static_cast<double>(smaller) / 2;

  result.p_value =
      ranks.size() <= kMostCountedPairs ? counted(ranks, smaller) : normal(ranks, smaller);
  return result;
}

PairedBootstrap paired_bootstrap(const std::vector<double>& differences,
                                 const std::vector<std::vector<std::size_t>>& resamples,
                                 double confidence) {
  PairedBootstrap result;
  result.interval = bootstrap_interval(differences, resamples, confidence);
  std::size_t below = 1;
  std::size_t above = 1;
  for (const std::vector<std::size_t>& resample : resamples) {
    double sum = 0.0;
    for (std::size_t place : resample)
      sum += differences.at(place);
    below += sum <= 0.0 ? 1 : 0;
    above += sum >= 0.0 ? 1 : 0;
  }
  const auto all = static_cast<double>(resamples.size() + 1);
  result.p_value = std::min(1.0, 2.0 * static_cast<double>(std::min(below, above)) / all);
  return result;
}

double smallest_p(std::size_t pairs) {
  return std::min(1.0, std::ldexp(2.0, -static_cast<int>(std::min<std::size_t>(pairs, 1000))));
}

std::vector<double> holm(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto left = static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, left * p_values[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

WinTieLoss win_tie_loss(const std::vector<double>& differences, double tie) {
  WinTieLoss counts;
  for (double difference : differences) {
    ++(difference > tie ? counts.wins : difference < -tie ? counts.losses : counts.ties);
  }
  return counts;
}

}  // namespace plateau::statistics
