// Adapters by their average rank over tasks, and which of them cannot be told apart.
#pragma once

#include <cstddef>
#include <vector>

namespace plateau::statistics {

// scores[task][adapter], more is better; every task has every adapter. Rank 1 is the best; ties get
// the mean of their ranks. At least one task.
std::vector<double> average_ranks(const std::vector<std::vector<double>>& scores);

// The maximal runs of adapters, in the order of their average ranks, in which no two are different;
// single ones are left out. different[a][b] is symmetric, by place in `ranks`. Each clique holds
// places, the best first.
std::vector<std::vector<std::size_t>> cliques(const std::vector<double>& ranks,
                                              const std::vector<std::vector<bool>>& different);

}  // namespace plateau::statistics
