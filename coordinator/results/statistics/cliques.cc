#include "coordinator/results/statistics/cliques.h"

#include <algorithm>
#include <numeric>

namespace plateau::statistics {
namespace {

std::vector<std::size_t> order_of(const std::vector<double>& ranks) {
  std::vector<std::size_t> order(ranks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  return order;
}

bool all_alike(const std::vector<std::size_t>& order, std::size_t first, std::size_t last,
               const std::vector<std::vector<bool>>& different) {
  for (std::size_t i = first; i <= last; ++i) {
    for (std::size_t k = i + 1; k <= last; ++k) {
      if (different[order[i]][order[k]]) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<double> average_ranks(const std::vector<std::vector<double>>& scores) {
  std::vector<double> ranks(scores.front().size(), 0.0);
  for (const std::vector<double>& task : scores) {
    for (std::size_t i = 0; i < task.size(); ++i) {
      double better = 0.0;
      double equal = 0.0;  // itself included
      for (double other : task) {
        better += other > task[i] ? 1.0 : 0.0;
        equal += other == task[i] ? 1.0 : 0.0;
      }
      ranks[i] += (better + (equal + 1.0) / 2) / static_cast<double>(scores.size());
    }
  }
  return ranks;
}

std::vector<std::vector<std::size_t>> cliques(const std::vector<double>& ranks,
                                              const std::vector<std::vector<bool>>& different) {
  const std::vector<std::size_t> order = order_of(ranks);
  std::vector<std::vector<std::size_t>> all;
  std::size_t reached = 0;  // one past the last place of the clique before
  for (std::size_t first = 0; first < order.size(); ++first) {
    std::size_t last = first;
    while (last + 1 < order.size() && all_alike(order, first, last + 1, different))
      ++last;
    const bool is_new = last + 1 > reached;
    if (last > first && is_new) {
      all.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(first),
                       order.begin() + static_cast<std::ptrdiff_t>(last) + 1);
    }
    reached = std::max(reached, last + 1);
  }
  return all;
}

}  // namespace plateau::statistics
