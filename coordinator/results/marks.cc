#include "coordinator/results/marks.h"

#include <algorithm>
#include <set>

#include "coordinator/results/statistics/paired.h"

namespace plateau::results {
namespace {

constexpr double kLevel = 0.05;

double printed(const Candidate& candidate) {
  return std::stod(candidate.entry->text);
}

// Best and second best among what is printed; fewer than two different values leave no mark.
const Candidate* mark_best(const std::vector<Candidate>& candidates) {
  std::set<double> values;
  for (const Candidate& candidate : candidates)
    values.insert(printed(candidate));
  if (values.size() < 2) return nullptr;
  std::vector<double> ranked(values.begin(), values.end());
  if (candidates.front().higher_is_better) std::reverse(ranked.begin(), ranked.end());
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (printed(candidate) == ranked[0]) candidate.entry->mark = Mark::kBest;
    if (printed(candidate) == ranked[1]) candidate.entry->mark = Mark::kSecond;
    if (best == nullptr && candidate.entry->mark == Mark::kBest) best = &candidate;
  }
  return best;
}

std::vector<double> differences(const Candidate& a, const Candidate& b) {
  std::vector<double> all;
  for (const auto& [seed, value] : a.seeds) {
    const auto other = b.seeds.find(seed);
    if (other != b.seeds.end()) all.push_back(value - other->second);
  }
  return all;
}

}  // namespace

void mark_column(const std::vector<Candidate>& candidates, MarkFacts& facts) {
  if (candidates.empty()) return;
  const Candidate* best = mark_best(candidates);
  if (best == nullptr) return;
  std::vector<const Candidate*> others;
  std::vector<double> p_values;
  std::size_t pairs = 0;
  for (const Candidate& candidate : candidates) {
    if (&candidate == best) continue;
    const std::vector<double> gaps = differences(*best, candidate);
    if (gaps.size() < 2) continue;
    others.push_back(&candidate);
    p_values.push_back(statistics::permutation_test(gaps));
    pairs = std::max(pairs, gaps.size());
  }
  if (others.empty()) return;
  facts.compared = true;
  facts.most_pairs = std::max(facts.most_pairs, pairs);
  const double reachable =
      std::min(1.0, statistics::smallest_p(pairs) * static_cast<double>(others.size()));
  if (reachable > kLevel) {
    ++facts.too_few;
    facts.smallest_p = std::min(facts.smallest_p, reachable);
    return;
  }
  ++facts.tested;
  const std::vector<double> adjusted = statistics::holm(p_values);
  for (std::size_t i = 0; i < others.size(); ++i)
    others[i]->entry->like_best = adjusted[i] > kLevel;
}

std::string significance_note(const MarkFacts& facts) {
  if (!facts.compared) return "";
  std::string note;
  if (facts.tested > 0) {
    note =
        "≈: not significantly different from the best of its column (exact paired permutation "
        "test over seeds, two-sided, Holm over the column, level 0.05).";
  }
  if (facts.too_few > 0) {
    note += (note.empty() ? "" : " ") + std::string("No significance is marked") +
            (facts.tested > 0 ? " in " + std::to_string(facts.too_few) + " columns: " : ": ") +
            std::to_string(facts.most_pairs) +
            " seeds cannot reach p = 0.05 there whatever the values (the best possible is " +
            format_fixed(facts.smallest_p, 4) + " after Holm).";
  }
  return note;
}

}  // namespace plateau::results
