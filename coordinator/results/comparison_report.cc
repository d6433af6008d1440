#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "coordinator/results/comparison.h"

namespace plateau::results {
namespace {

constexpr double kLevel = 0.05;

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

// The bootstrap finds almost anything in a handful of pairs; where the exact tests cannot reach the
// level its p is not printed.
std::string bootstrap_p(const Comparison& one, std::size_t comparisons) {
  const double least =
      statistics::smallest_p(one.differences.size()) * static_cast<double>(comparisons);
  return least > kLevel ? "–" : format_fixed(one.bootstrap_holm, 4);
}

std::string interval_text(const statistics::Interval& interval, std::size_t pairs) {
  if (pairs < 2) return "–";
  return "[" + format_fixed(interval.low, 2) + ", " + format_fixed(interval.high, 2) + "]";
}

std::vector<std::string> reading_notes(Over over) {
  if (over == Over::kSeeds) {
    return {
        "Difference: first − second on the test split, in the unit of the metric as printed, "
        "turned so that more is better; mean over base, task and seed, each the mean over the "
        "ranks that both have. Intervals: Student's t and percentile bootstrap over those "
        "pairs.",
        "Win/tie/loss: single base, task, rank and seed; a tie differs by less than half of "
        "the last printed digit."};
  }
  return {
      "Difference: first − second in points, 100 where the prediction of a test item is right "
      "(for regression minus its distance from the label); mean over test items of every base "
      "and task, each the mean over the ranks and seeds that both have. Intervals: Student's t "
      "and percentile bootstrap over items.",
      "Win/tie/loss: test items. Items say what another test set of the same kind would show "
      "with these very runs; they say nothing about other seeds."};
}

std::vector<std::string> ranking_notes(const Ranking& ranking) {
  std::string note = "Average rank over " + std::to_string(ranking.tasks) + " tasks: ";
  for (std::size_t i = 0; i < ranking.adapters.size(); ++i) {
    note += (i == 0 ? "" : ", ") + ranking.adapters[i] + " " +
            format_fixed(ranking.average_ranks[i], 2);
  }
  note += ". ";
  if (ranking.smallest_p > kLevel) {
    note += "So few tasks tell no adapters apart: Wilcoxon's test with Holm reaches " +
            format_fixed(ranking.smallest_p, 4) + " at best.";
    return {note};
  }
  std::vector<std::string> groups;
  for (const auto& clique : ranking.cliques)
    groups.push_back(join(clique, ", "));
  note += "Not told apart by Wilcoxon's test over tasks with Holm at 0.05: " +
          (groups.empty() ? std::string("none") : join(groups, "; ")) + ".";
  return {note};
}

}  // namespace

Table comparison_table(const Summary& summary, const std::vector<Comparison>& comparisons,
                       Over over) {
  Table table;
  table.name = "comparison";
  table.title = "Adapters of " + summary.run + " against each other.";
  table.columns = {{"First"}, {"Second"}};
  for (const char* header : {"Difference", "95 % t", "95 % bootstrap", "Pairs", "Win/tie/loss",
                             "p bootstrap", "p permutation", "p Wilcoxon"}) {
    table.columns.push_back({header, /*is_number=*/true});
  }
  for (const Comparison& one : comparisons) {
    const std::size_t pairs = one.differences.size();
    Row row;
    for (const std::string& text :
         {one.first, one.second, format_fixed(one.mean, 2), interval_text(one.interval, pairs),
          interval_text(one.bootstrap.interval, pairs), std::to_string(pairs),
          std::to_string(one.cells.wins) + "/" + std::to_string(one.cells.ties) + "/" +
              std::to_string(one.cells.losses),
          bootstrap_p(one, comparisons.size()), format_fixed(one.permutation_holm, 4),
          format_fixed(one.wilcoxon_holm, 4)}) {
      row.entries.push_back({text});
    }
    table.rows.push_back(std::move(row));
  }
  table.notes = reading_notes(over);
  table.notes.push_back(
      "p: two-sided, adjusted after Holm over the rows. Permutation and Wilcoxon are exact over "
      "all "
      "sign patterns up to 20 and 200 pairs; above, patterns are drawn and the normal "
      "approximation "
      "is used. The bootstrap's p is not printed where so few pairs cannot reach 0.05 in the exact "
      "tests.");
  const std::string note = comparisons.empty() ? "" : floor_note(comparisons);
  if (!note.empty()) table.notes.push_back(note);
  if (const auto ranking = rank_adapters(summary)) {
    for (const std::string& more : ranking_notes(*ranking))
      table.notes.push_back(more);
  }
  return table;
}

std::string comparison_json(const Summary& summary, const std::vector<Comparison>& comparisons,
                            Over over) {
  using Json = nlohmann::json;
  Json json{{"format", "plateau-comparisons/2"},
            {"over", over == Over::kSeeds ? "seeds" : "items"},
            {"comparisons", Json::array()},
            {"ranking", nullptr}};
  for (const Comparison& one : comparisons) {
    json["comparisons"].push_back(
        {{"first", one.first},
         {"second", one.second},
         {"pairs", one.differences.size()},
         {"differences", over == Over::kSeeds ? Json(one.differences) : Json(nullptr)},
         {"mean", one.mean},
         {"interval", {one.interval.low, one.interval.high}},
         {"bootstrap_interval", {one.bootstrap.interval.low, one.bootstrap.interval.high}},
         {"wins", one.cells.wins},
         {"ties", one.cells.ties},
         {"losses", one.cells.losses},
         {"bootstrap_p", one.bootstrap.p_value},
         {"bootstrap_holm", one.bootstrap_holm},
         {"permutation_p", one.permutation_p},
         {"permutation_holm", one.permutation_holm},
         {"wilcoxon_p", one.wilcoxon_p},
         {"wilcoxon_holm", one.wilcoxon_holm},
         {"smallest_p", one.smallest_p}});
  }
  if (const auto ranking = rank_adapters(summary)) {
    json["ranking"] = {{"adapters", ranking->adapters},
                       {"average_ranks", ranking->average_ranks},
                       {"tasks", ranking->tasks},
                       {"smallest_p", ranking->smallest_p},
                       {"cliques", ranking->cliques}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
