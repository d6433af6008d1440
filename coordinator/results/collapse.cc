#include "coordinator/results/collapse.h"

#include <map>

namespace plateau::results {
namespace {

std::map<TrialId, double> unparsed_shares(const RunView& run) {
  std::map<TrialId, double> shares;
  for (const TrialRow& row : run.trials) {
    for (const MetricValue& metric : row.metrics) {
      if (metric.split == "test" && metric.name == kUnparsedMetric) shares[row.id] = metric.value;
    }
  }
  return shares;
}

std::string percent(double share) {
  return format_fixed(100.0 * share, 1) + " %";
}

using Majorities = std::map<std::string, double>;  // by task

Majorities majorities_of(const Summary& summary) {
  Majorities majorities;
  for (const Cell& cell : summary.cells) {
    if (cell.method == "majority" && cell.mean) majorities.emplace(cell.task, *cell.mean);
  }
  return majorities;
}

std::optional<double> chance_of(const Majorities& majorities, const Cell& cell) {
  if (!cell.metric.higher_is_better) return std::nullopt;
  if (cell.metric.unit == "×100") return 0.0;
  if (cell.metric.unit != "%") return std::nullopt;
  const auto majority = majorities.find(cell.task);
  if (majority != majorities.end()) return majority->second;
  const std::size_t classes = cell.example.task->labels.size();
  if (cell.metric.name != "accuracy" || classes < 2) return std::nullopt;
  return 1.0 / static_cast<double>(classes);
}

void flag(const Majorities& majorities, const std::map<TrialId, double>& unparsed, Cell& cell) {
  if (cell.is_baseline) return;
  const std::optional<double> chance = chance_of(majorities, cell);
  for (SeedResult& seed : cell.seeds) {
    if (!seed.value) continue;
    const auto share = unparsed.find(seed.trial);
    if (share != unparsed.end() && share->second > kMostUnparsed) {
      seed.collapsed = percent(share->second) + " of the answers unparseable";
    } else if (chance && *seed.value < *chance) {
      const MetricStyle& style = cell.metric;
      seed.collapsed = format_fixed(style.factor * *seed.value, style.decimals) +
                       " is below chance (" + format_fixed(style.factor * *chance, style.decimals) +
                       ")";
    }
  }
}

}  // namespace

std::optional<double> chance_of(const Summary& summary, const Cell& cell) {
  return chance_of(majorities_of(summary), cell);
}

void flag_collapsed(const RunView& run, Summary& summary) {
  const std::map<TrialId, double> unparsed = unparsed_shares(run);
  const Majorities majorities = majorities_of(summary);
  for (Cell& cell : summary.cells)
    flag(majorities, unparsed, cell);
  for (Cell& cell : summary.not_selected)
    flag(majorities, unparsed, cell);
}

}  // namespace plateau::results
