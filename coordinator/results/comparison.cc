#include "coordinator/results/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

namespace plateau::results {
namespace {

constexpr double kLevel = 0.05;
constexpr double kConfidence = 0.95;

using Unit = std::tuple<std::string, std::string, std::uint64_t>;  // base, task, seed
// By unit, then by rank: values in printed units, turned so that more is better.
using Values = std::map<Unit, std::map<std::int64_t, double>>;

struct Adapter {
  std::string label;
  Values values;
};

std::vector<Adapter> adapters(const Summary& summary) {
  std::vector<Adapter> all;
  for (const Curve& curve : curves(summary)) {
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const Adapter& one) { return one.label == curve.label; });
    if (found == all.end()) {
      all.push_back({curve.label, {}});
      found = std::prev(all.end());
    }
    for (const Cell* cell : curve.cells) {
      const double factor =
          cell->metric.higher_is_better ? cell->metric.factor : -cell->metric.factor;
      for (const SeedResult& seed : cell->seeds) {
        if (seed.value) {
          found->values[{curve.base, curve.task, seed.seed}][*cell->rank] = factor * *seed.value;
        }
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

std::optional<Comparison> compare(const Adapter& a, const Adapter& b, double tie) {
  Comparison comparison;
  comparison.first = a.label;
  comparison.second = b.label;
  std::vector<double> single;
  for (const auto& [unit, ranks] : a.values) {
    const auto other = b.values.find(unit);
    if (other == b.values.end()) continue;
    std::vector<double> here;
    for (const auto& [rank, value] : ranks) {
      const auto match = other->second.find(rank);
      if (match != other->second.end()) here.push_back(value - match->second);
    }
    if (here.empty()) continue;
    comparison.differences.push_back(statistics::mean(here));
    single.insert(single.end(), here.begin(), here.end());
  }
  if (comparison.differences.empty()) return std::nullopt;
  comparison.cells = statistics::win_tie_loss(single, tie);
  comparison.mean = statistics::mean(comparison.differences);
  comparison.interval = {comparison.mean, comparison.mean};
  if (comparison.differences.size() > 1) {
    comparison.interval = statistics::t_interval(comparison.differences, kConfidence);
  }
  comparison.permutation_p = statistics::permutation_test(comparison.differences);
  comparison.wilcoxon_p = statistics::wilcoxon_signed_rank(comparison.differences).p_value;
  comparison.smallest_p = statistics::smallest_p(comparison.differences.size());
  return comparison;
}

void adjust(std::vector<Comparison>& all) {
  std::vector<double> permutation;
  std::vector<double> wilcoxon;
  for (const Comparison& one : all) {
    permutation.push_back(one.permutation_p);
    wilcoxon.push_back(one.wilcoxon_p);
  }
  permutation = statistics::holm(permutation);
  wilcoxon = statistics::holm(wilcoxon);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].permutation_holm = permutation[i];
    all[i].wilcoxon_holm = wilcoxon[i];
  }
}

std::string floor_note(const std::vector<Comparison>& all) {
  std::size_t fewest = all.front().differences.size();
  for (const Comparison& one : all)
    fewest = std::min(fewest, one.differences.size());
  const double least = statistics::smallest_p(fewest) * static_cast<double>(all.size());
  if (least <= kLevel) return "";
  return "Too few pairs for any claim: " + std::to_string(fewest) +
         (fewest == 1 ? " pair and " : " pairs and ") + std::to_string(all.size()) +
         (all.size() == 1 ? " comparison" : " comparisons") +
         " cannot reach p = 0.05, whatever the values; the best possible is " +
         format_fixed(std::min(1.0, least), 4) + " after Holm.";
}

}  // namespace

std::vector<Comparison> compare_adapters(const Summary& summary) {
  const std::vector<Adapter> all = adapters(summary);
  std::vector<Comparison> comparisons;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = i + 1; k < all.size(); ++k) {
      if (auto one = compare(all[i], all[k], tie_of(summary))) {
        comparisons.push_back(std::move(*one));
      }
    }
  }
  adjust(comparisons);
  return comparisons;
}

Table comparison_table(const Summary& summary, const std::vector<Comparison>& comparisons) {
  Table table;
  table.title = summary.run;
  table.columns = {{"First"}, {"Second"}};
  for (const char* header :
       {"Difference", "95 % interval", "Pairs", "Win/tie/loss", "p permutation", "p Wilcoxon"}) {
    table.columns.push_back({header, /*is_number=*/true});
  }
  for (const Comparison& one : comparisons) {
    Row row;
    const auto add = [&](std::string text) {
      row.entries.push_back({std::move(text), "", "", Mark::kNone});
    };
    add(one.first);
    add(one.second);
    add(format_fixed(one.mean, 2));
    add(one.differences.size() < 2 ? "–"
                                   : "[" + format_fixed(one.interval.low, 2) + ", " +
                                         format_fixed(one.interval.high, 2) + "]");
    add(std::to_string(one.differences.size()));
    add(std::to_string(one.cells.wins) + "/" + std::to_string(one.cells.ties) + "/" +
        std::to_string(one.cells.losses));
    add(format_fixed(one.permutation_holm, 4));
    add(format_fixed(one.wilcoxon_holm, 4));
    table.rows.push_back(std::move(row));
  }
  table.notes.push_back(
      "Difference: first − second on the test split, in the unit of the metric as printed, turned "
      "so that more is better; mean over base, task and seed, each the mean over the ranks that "
      "both have. Interval: Student's t over those pairs.");
  table.notes.push_back(
      "Win/tie/loss: single base, task, rank and seed; a tie differs by less than half of the last "
      "printed digit.");
  table.notes.push_back(
      "p: two-sided, exact over all sign patterns (up to 20 pairs for the permutation test, which "
      "draws above), adjusted after Holm over the rows.");
  if (!comparisons.empty()) {
    const std::string note = floor_note(comparisons);
    if (!note.empty()) table.notes.push_back(note);
  }
  return table;
}

std::string comparison_json(const std::vector<Comparison>& comparisons) {
  using Json = nlohmann::json;
  Json json{{"format", "plateau-comparisons/1"}, {"comparisons", Json::array()}};
  for (const Comparison& one : comparisons) {
    json["comparisons"].push_back({{"first", one.first},
                                   {"second", one.second},
                                   {"differences", one.differences},
                                   {"mean", one.mean},
                                   {"interval", {one.interval.low, one.interval.high}},
                                   {"wins", one.cells.wins},
                                   {"ties", one.cells.ties},
                                   {"losses", one.cells.losses},
                                   {"permutation_p", one.permutation_p},
                                   {"permutation_holm", one.permutation_holm},
                                   {"wilcoxon_p", one.wilcoxon_p},
                                   {"wilcoxon_holm", one.wilcoxon_holm},
                                   {"smallest_p", one.smallest_p}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
