// Adapters against each other, paired by base, task and seed.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/statistics/intervals.h"
#include "coordinator/results/statistics/paired.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

struct Comparison {
  std::string first;   // label of an adapter's curve
  std::string second;  // difference = first - second, turned so that more is better
  // One a base, task and seed, in printed units: the mean over the ranks that both have there.
  std::vector<double> differences;
  statistics::WinTieLoss cells;  // of single base, task, rank and seed; a tie prints alike
  double mean = 0.0;
  statistics::Interval interval;  // 95 %, Student's t; at least two differences
  double permutation_p = 1.0;
  double permutation_holm = 1.0;  // adjusted over the comparisons of the run
  double wilcoxon_p = 1.0;
  double wilcoxon_holm = 1.0;
  double smallest_p = 1.0;  // that this many differences can reach at all
};

// Every two adapters that share a base, task, rank and seed with values.
std::vector<Comparison> compare_adapters(const Summary& summary);

Table comparison_table(const Summary& summary, const std::vector<Comparison>& comparisons);
// {"format": "plateau-comparisons/1", "comparisons": [...]}
std::string comparison_json(const std::vector<Comparison>& comparisons);

}  // namespace plateau::results
