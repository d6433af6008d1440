#include "coordinator/results/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "coordinator/results/estimate.h"

namespace plateau::results {
namespace {

constexpr double kConfidence = 0.95;

// What is paired: base, task, and a seed or an item.
using Unit = std::tuple<std::string, std::string, std::string>;
// Within a unit, what must be the same in both adapters: a rank, and a seed where items are paired.
using Condition = std::pair<std::int64_t, std::uint64_t>;
// Values in printed units, turned so that more is better.
using Values = std::map<Unit, std::map<Condition, double>>;

struct Adapter {
  std::string label;
  Values values;
};

Adapter& adapter_of(std::vector<Adapter>& all, const std::string& label) {
  auto found =
      std::find_if(all.begin(), all.end(), [&](const Adapter& one) { return one.label == label; });
  if (found == all.end()) {
    all.push_back({label, {}});
    found = std::prev(all.end());
  }
  return *found;
}

std::vector<Adapter> adapters(const Summary& summary) {
  std::vector<Adapter> all;
  for (const Curve& curve : curves(summary)) {
    Adapter& adapter = adapter_of(all, curve.label);
    for (const Cell* cell : curve.cells) {
      const double factor =
          cell->metric.higher_is_better ? cell->metric.factor : -cell->metric.factor;
      for (const SeedResult& seed : cell->seeds) {
        if (!seed.value) continue;
        adapter.values[{curve.base, curve.task, std::to_string(seed.seed)}][{*cell->rank, 0}] =
            factor * *seed.value;
      }
    }
  }
  return all;
}

std::vector<Adapter> adapters(const Summary& summary, const ItemScores& scores) {
  std::vector<Adapter> all;
  for (const Curve& curve : curves(summary)) {
    Adapter& adapter = adapter_of(all, curve.label);
    for (const Cell* cell : curve.cells) {
      for (const SeedResult& seed : cell->seeds) {
        const auto items = scores.find(seed.trial);
        if (items == scores.end()) continue;
        for (const ItemScore& one : items->second)
          adapter.values[{curve.base, curve.task, one.item}][{*cell->rank, seed.seed}] = one.score;
      }
    }
  }
  return all;
}

// Half of the last printed digit: what is nearer prints alike or nearly so.
double tie_of(const Summary& summary) {
  double tie = 0.0;
  for (const TaskSummary& task : summary.tasks)
    tie = std::max(tie, 0.5 * std::pow(10.0, -task.metric.decimals));
  return tie;
}

// The differences of single conditions in each unit that both adapters have.
std::vector<std::vector<double>> gaps_of(const Adapter& a, const Adapter& b) {
  std::vector<std::vector<double>> gaps;
  for (const auto& [unit, conditions] : a.values) {
    const auto other = b.values.find(unit);
    if (other == b.values.end()) continue;
    std::vector<double> here;
    for (const auto& [condition, value] : conditions) {
      const auto match = other->second.find(condition);
      if (match != other->second.end()) here.push_back(value - match->second);
    }
    if (!here.empty()) gaps.push_back(std::move(here));
  }
  return gaps;
}

// Fewer resamples where there are many pairs, so that their places fit into memory.
std::size_t resample_count(std::size_t pairs) {
  return std::clamp<std::size_t>(4'000'000 / pairs, 999, 9999);
}

std::optional<Comparison> compare(const Adapter& a, const Adapter& b, Over over, double tie) {
  Comparison comparison;
  comparison.first = a.label;
  comparison.second = b.label;
  std::vector<double> single;
  for (const std::vector<double>& here : gaps_of(a, b)) {
    comparison.differences.push_back(statistics::mean(here));
    single.insert(single.end(), here.begin(), here.end());
  }
  const std::vector<double>& differences = comparison.differences;
  if (differences.empty()) return std::nullopt;
  comparison.cells = over == Over::kSeeds ? statistics::win_tie_loss(single, tie)
                                          : statistics::win_tie_loss(differences, 0.0);
  comparison.mean = statistics::mean(differences);
  comparison.interval = {comparison.mean, comparison.mean};
  comparison.bootstrap.interval = comparison.interval;
  if (differences.size() > 1) {
    comparison.interval = statistics::t_interval(differences, kConfidence);
    comparison.bootstrap = statistics::paired_bootstrap(
        differences,
        resamples_of(differences.size(), resample_count(differences.size()),
                     a.label + " against " + b.label),
        kConfidence);
  }
  comparison.permutation_p = statistics::permutation_test(differences);
  comparison.wilcoxon_p = statistics::wilcoxon_signed_rank(differences).p_value;
  comparison.smallest_p = statistics::smallest_p(differences.size());
  return comparison;
}

void adjust(std::vector<Comparison>& all) {
  std::vector<double> bootstrap;
  std::vector<double> permutation;
  std::vector<double> wilcoxon;
  for (const Comparison& one : all) {
    bootstrap.push_back(one.bootstrap.p_value);
    permutation.push_back(one.permutation_p);
    wilcoxon.push_back(one.wilcoxon_p);
  }
  bootstrap = statistics::holm(bootstrap);
  permutation = statistics::holm(permutation);
  wilcoxon = statistics::holm(wilcoxon);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bootstrap_holm = bootstrap[i];
    all[i].permutation_holm = permutation[i];
    all[i].wilcoxon_holm = wilcoxon[i];
  }
}

std::vector<Comparison> compare_all(const std::vector<Adapter>& all, Over over, double tie) {
  std::vector<Comparison> comparisons;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = i + 1; k < all.size(); ++k) {
      if (auto one = compare(all[i], all[k], over, tie)) comparisons.push_back(std::move(*one));
    }
  }
  adjust(comparisons);
  return comparisons;
}

}  // namespace

std::vector<Comparison> compare_adapters(const Summary& summary) {
  return compare_all(adapters(summary), Over::kSeeds, tie_of(summary));
}

std::vector<Comparison> compare_adapters(const Summary& summary, const ItemScores& scores) {
  return compare_all(adapters(summary, scores), Over::kItems, 0.0);
}

}  // namespace plateau::results
