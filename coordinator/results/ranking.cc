#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "coordinator/results/comparison.h"
#include "coordinator/results/statistics/cliques.h"

namespace plateau::results {
namespace {

constexpr double kLevel = 0.05;

using Task = std::pair<std::string, std::string>;                   // base and task
using Condition = std::pair<std::int64_t, std::uint64_t>;           // rank and seed
using OfTask = std::map<std::string, std::map<Condition, double>>;  // by adapter

std::map<Task, OfTask> values_of(const Summary& summary) {
  std::map<Task, OfTask> all;
  for (const Curve& curve : curves(summary)) {
    for (const Cell* cell : curve.cells) {
      const double turn = cell->metric.higher_is_better ? 1.0 : -1.0;
      for (const SeedResult& seed : cell->seeds) {
        if (!seed.value) continue;
        all[{curve.base, curve.task}][curve.label][{*cell->rank, seed.seed}] = turn * *seed.value;
      }
    }
  }
  return all;
}

// One score an adapter: the mean over the conditions that all adapters have there. Empty where an
// adapter or a common condition is missing.
std::vector<double> scores_of(const OfTask& task, const std::vector<std::string>& adapters) {
  std::vector<double> scores;
  for (const std::string& adapter : adapters) {
    double sum = 0.0;
    std::size_t count = 0;
    const auto own = task.find(adapter);
    if (own == task.end()) return {};
    for (const auto& [condition, value] : own->second) {
      const bool common = std::all_of(task.begin(), task.end(), [&](const auto& other) {
        return other.second.count(condition) != 0;
      });
      if (!common) continue;
      sum += value;
      ++count;
    }
    if (count == 0) return {};
    scores.push_back(sum / static_cast<double>(count));
  }
  return scores;
}

std::vector<std::vector<bool>> differences(const std::vector<std::vector<double>>& scores,
                                           std::size_t adapters) {
  std::vector<double> p_values;
  for (std::size_t a = 0; a < adapters; ++a) {
    for (std::size_t b = a + 1; b < adapters; ++b) {
      std::vector<double> gaps;
      for (const std::vector<double>& task : scores)
        gaps.push_back(task[a] - task[b]);
      p_values.push_back(statistics::wilcoxon_signed_rank(gaps).p_value);
    }
  }
  const std::vector<double> adjusted = statistics::holm(p_values);
  std::vector<std::vector<bool>> different(adapters, std::vector<bool>(adapters, false));
  std::size_t place = 0;
  for (std::size_t a = 0; a < adapters; ++a) {
    for (std::size_t b = a + 1; b < adapters; ++b)
      different[a][b] = different[b][a] = adjusted[place++] <= kLevel;
  }
  return different;
}

}  // namespace

std::optional<Ranking> rank_adapters(const Summary& summary) {
  const std::map<Task, OfTask> values = values_of(summary);
  std::set<std::string> names;
  for (const auto& [task, of_task] : values) {
    for (const auto& [adapter, unused] : of_task)
      names.insert(adapter);
  }
  const std::vector<std::string> adapters(names.begin(), names.end());
  std::vector<std::vector<double>> scores;
  for (const auto& [task, of_task] : values) {
    if (auto one = scores_of(of_task, adapters); !one.empty()) scores.push_back(std::move(one));
  }
  if (adapters.size() < 2 || scores.size() < 2) return std::nullopt;

  const std::vector<double> ranks = statistics::average_ranks(scores);
  std::vector<std::size_t> order(adapters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  Ranking ranking;
  ranking.tasks = scores.size();
  for (std::size_t place : order) {
    ranking.adapters.push_back(adapters[place]);
    ranking.average_ranks.push_back(ranks[place]);
  }
  const std::size_t pairs = adapters.size() * (adapters.size() - 1) / 2;
  ranking.smallest_p =
      std::min(1.0, statistics::smallest_p(scores.size()) * static_cast<double>(pairs));
  for (const auto& clique : statistics::cliques(ranks, differences(scores, adapters.size()))) {
    std::vector<std::string> members;
    for (std::size_t place : clique)
      members.push_back(adapters[place]);
    ranking.cliques.push_back(std::move(members));
  }
  return ranking;
}

}  // namespace plateau::results
