#include "coordinator/results/notes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/base/text.h"
#include "coordinator/results/scaling.h"

namespace plateau::results {
namespace {

std::string cell_name(const Summary& summary, const Cell& cell) {
  std::string name = cell.title;
  if (cell.rank) name += " r=" + std::to_string(*cell.rank);
  for (const Setting& setting : cell.settings) {
    if (!setting.value.empty())
      name += ", " + short_setting_name(setting.name) + " " + setting.value;
  }
  if (summary.tasks.size() > 1) name += " on " + cell.task;
  if (summary.bases.size() > 1) name += " with " + cell.base;
  return name;
}

std::string spread_words(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kDeviation:
      return "mean ± standard deviation (n − 1) over seeds; no ± for a single value.";
    case Aggregate::kStudent:
      return "mean ± half the 95 % confidence interval over seeds (Student's t); no ± for a single "
             "value.";
    case Aggregate::kBootstrap:
      return "mean [95 % confidence interval] over seeds (percentile bootstrap, 9,999 resamples; "
             "too narrow for few seeds); no interval for a single value.";
    case Aggregate::kMedian:
      break;
  }
  return "median [smallest, largest] over seeds.";
}

std::string reading_note(const Summary& summary, Aggregate aggregate) {
  std::string metrics;
  std::set<std::string> seen;
  bool higher = false;
  bool lower = false;
  for (const TaskSummary& task : summary.tasks) {
    if (seen.insert(task.metric.name).second) {
      metrics += (metrics.empty() ? "" : ", ") + task.metric.name +
                 (task.metric.unit.empty() ? "" : " in " + task.metric.unit);
    }
    (task.metric.higher_is_better ? higher : lower) = true;
  }
  const std::string direction = higher && lower ? "the arrow says which end is better"
                                : lower         ? "lower is better"
                                                : "higher is better";
  return "Metric on the " + summary.split + " split (" + metrics + "; " + direction +
         "): " + spread_words(aggregate);
}

std::vector<std::string> parameter_notes(const Summary& summary) {
  std::string bases;
  for (const BaseSummary& base : summary.bases) {
    if (!base.parameters) continue;
    bases += (bases.empty() ? "" : ", ") + base.name + " " + format_count(*base.parameters);
  }
  std::set<std::int64_t> heads;
  for (const Cell& cell : summary.cells) {
    if (cell.head_parameters.value_or(0) > 0 && !cell.is_baseline) {
      heads.insert(*cell.head_parameters);
    }
  }
  std::string note =
      "Params: trainable parameters of the adapter; % of base: the same over the parameters of the "
      "frozen base alone, without adapter and head";
  if (!bases.empty()) note += " (" + bases + ")";
  note += ".";
  if (!heads.empty()) {
    note += " The task head is trained too and is in neither number (";
    std::string counts;
    for (std::int64_t head : heads)
      counts += (counts.empty() ? "" : ", ") + format_count(head);
    note += counts + " parameters).";
  }
  return {note};
}

bool is_chosen(const Summary& summary, const std::string& name) {
  if (!summary.selection) return false;
  const auto& over = summary.selection->over;
  return std::find(over.begin(), over.end(), name) != over.end();
}

}  // namespace

std::vector<std::string> missing_notes(const Summary& summary) {
  std::vector<std::string> notes;
  std::size_t incomplete = 0;
  std::string reasons;
  std::size_t named = 0;
  constexpr std::size_t kMostNamed = 8;
  for (const Cell& cell : summary.cells) {
    if (cell.complete()) continue;
    ++incomplete;
    for (const SeedResult& seed : cell.seeds) {
      const bool over =
          seed.state != TrialState::kQueued && seed.state != TrialState::kRunning && !seed.value;
      if (!over || ++named > kMostNamed) continue;
      const bool no_value = seed.state == TrialState::kFinished;
      reasons += (reasons.empty() ? "" : "; ") + cell_name(summary, cell) + " seed " +
                 std::to_string(seed.seed) + " " +
                 (no_value ? "finished without this metric" : state_word(seed.state)) +
                 (seed.reason.empty() ? "" : " (" + seed.reason + ")");
    }
  }
  if (incomplete == 0) return notes;
  notes.push_back(
      "Incomplete: " + std::to_string(incomplete) + " of " + std::to_string(summary.cells.size()) +
      " rows lack seeds. Their mean is over the finished seeds alone, n/m says how many "
      "of how many, and they take no part in best and second best.");
  if (!reasons.empty()) {
    if (named > kMostNamed) {
      reasons += "; and " + std::to_string(named - kMostNamed) + " more trials";
    }
    notes.push_back(reasons + ".");
  }
  return notes;
}

std::vector<std::string> plateau_notes(const Summary& summary) {
  std::size_t seeds = 0;
  std::size_t ranks = 0;
  for (const Curve& curve : curves(summary)) {
    ranks = std::max(ranks, curve.cells.size());
    for (const Cell* cell : curve.cells)
      seeds = std::max(seeds, cell->planned());
  }
  if (ranks == 0) return {};
  if (seeds >= kSeedsForPlateau && ranks >= kRanksForPlateau) return {};
  const auto count = [](std::size_t n, const char* word) {
    return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
  };
  return {count(seeds, "seed") + " and " + count(ranks, "rank") +
          " are too few to show a plateau: equal means at these ranks are no evidence that the "
          "curve is flat. At least " +
          std::to_string(kSeedsForPlateau) + " seeds and " + std::to_string(kRanksForPlateau) +
          " ranks are needed."};
}

std::vector<std::string> learning_rate_notes(const Summary& summary) {
  std::vector<std::string> notes;
  if (summary.selection) {
    const Selection& selection = *summary.selection;
    std::string note = "Chosen per cell by the mean validation metric, reported on test: " +
                       join(selection.over, ", ") + " (" + std::to_string(selection.groups) +
                       " rows out of " + std::to_string(selection.candidates) + " cells).";
    if (!selection.at_edge.empty()) {
      note += " At the edge of what was tried: " + join(selection.at_edge, "; ") +
              ". A wider grid may be better there.";
    }
    if (!selection.open.empty()) {
      note += " Not chosen yet, since no candidate is complete with a validation metric: " +
              join(selection.open, "; ") + ".";
    }
    notes.push_back(note);
  }
  if (is_chosen(summary, "learning_rate")) return notes;
  std::set<std::string> fixed;
  for (const Curve& curve : curves(summary)) {
    std::set<double> rates;
    std::set<std::int64_t> ranks;
    for (const Cell* cell : curve.cells) {
      rates.insert(cell->learning_rate);
      ranks.insert(*cell->rank);
    }
    if (ranks.size() > 1 && rates.size() == 1) fixed.insert(curve.cells.front()->title);
  }
  if (!fixed.empty()) {
    notes.push_back("Warning: the learning rate is the same at every rank (" +
                    join({fixed.begin(), fixed.end()}, ", ") +
                    "). The best rate may change with the rank, so differences between ranks, or "
                    "their absence, may be an artefact of it.");
  }
  return notes;
}

std::vector<std::string> scaling_notes(const Summary& summary) {
  std::map<std::string, std::set<std::string>> by_convention;
  for (const Curve& curve : curves(summary)) {
    const std::string text = scaling_convention(curve);
    if (!text.empty()) by_convention[text].insert(curve.cells.front()->title);
  }
  if (by_convention.empty()) return {};
  std::string note = "Scaling of the update: ";
  bool first = true;
  for (const auto& [text, titles] : by_convention) {
    note += (first ? "" : "; ") + join({titles.begin(), titles.end()}, ", ") + " " + text;
    first = false;
  }
  note += by_convention.size() == 1
              ? ". A plateau seen under one convention may be an artefact of it."
              : ". Rows under different conventions differ in more than their rank.";
  return {note};
}

std::vector<std::string> collapsed_notes(const Summary& summary) {
  std::vector<std::string> named;
  constexpr std::size_t kMostNamed = 8;
  std::size_t count = 0;
  for (const Cell& cell : summary.cells) {
    for (const SeedResult& seed : cell.seeds) {
      if (seed.collapsed.empty() || ++count > kMostNamed) continue;
      named.push_back(cell_name(summary, cell) + " seed " + std::to_string(seed.seed) + " (" +
                      seed.collapsed + ")");
    }
  }
  if (count == 0) return {};
  if (count > kMostNamed) named.push_back(std::to_string(count - kMostNamed) + " more");
  return {
      "Collapsed runs, counted in their means, but in no best, second best, average or "
      "plateau: " +
      join(named, "; ") + "."};
}

std::vector<std::string> table_notes(const Summary& summary, Aggregate aggregate) {
  std::vector<std::string> notes{reading_note(summary, aggregate)};
  const auto add = [&](const std::vector<std::string>& more) {
    notes.insert(notes.end(), more.begin(), more.end());
  };
  add(parameter_notes(summary));
  add(missing_notes(summary));
  add(collapsed_notes(summary));
  add(plateau_notes(summary));
  add(learning_rate_notes(summary));
  add(scaling_notes(summary));
  add(protocol_notes(summary));
  add(data_notes(summary));
  return notes;
}

}  // namespace plateau::results
