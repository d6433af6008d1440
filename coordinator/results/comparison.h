// Adapters against each other, paired by base, task and seed, or by test item.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/items.h"
#include "coordinator/results/statistics/intervals.h"
#include "coordinator/results/statistics/paired.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

struct Comparison {
  std::string first;   // label of an adapter's curve
  std::string second;  // difference = first - second, turned so that more is better
  // Over seeds: one a base, task and seed, the mean over the ranks that both have there. Over
  // items: one a base, task and test item, the mean over the ranks and seeds that both have.
  // Printed units.
  std::vector<double> differences;
  // Over seeds: of single base, task, rank and seed; a tie prints alike. Over items: of the
  // differences, a tie is zero.
  statistics::WinTieLoss cells;
  double mean = 0.0;
  statistics::Interval interval;  // 95 %, Student's t; at least two differences
  statistics::PairedBootstrap bootstrap;
  double bootstrap_holm = 1.0;
  double permutation_p = 1.0;
  double permutation_holm = 1.0;  // adjusted over the comparisons of the run
  double wilcoxon_p = 1.0;
  double wilcoxon_holm = 1.0;
  double smallest_p = 1.0;  // that this many differences can reach at all
};

// Every two adapters that share a base, task, rank and seed with values.
std::vector<Comparison> compare_adapters(const Summary& summary);

// The same over test items. What an item is worth: 100 where the prediction is the label and 0
// where not; for regression minus the distance between them.
std::vector<Comparison> compare_adapters(const Summary& summary, const ItemScores& scores);

// Adapters by their average rank over tasks (of each base), for those that share a rank and a seed
// on every task they are ranked on.
struct Ranking {
  std::vector<std::string> adapters;  // the best average rank first
  std::vector<double> average_ranks;
  std::size_t tasks = 0;
  double smallest_p = 1.0;  // that this many tasks can reach after Holm
  // Adapters that Wilcoxon's test over tasks with Holm does not tell apart at 0.05.
  std::vector<std::vector<std::string>> cliques;
};
// nullopt with fewer than two adapters or two tasks.
std::optional<Ranking> rank_adapters(const Summary& summary);

enum class Over { kSeeds, kItems };
Table comparison_table(const Summary& summary, const std::vector<Comparison>& comparisons,
                       Over over = Over::kSeeds);
// {"format": "plateau-comparisons/2", "over", "comparisons": [...], "ranking": {...} or null}
std::string comparison_json(const Summary& summary, const std::vector<Comparison>& comparisons,
                            Over over = Over::kSeeds);

}  // namespace plateau::results
