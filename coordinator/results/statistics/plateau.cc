#include "coordinator/results/statistics/plateau.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "coordinator/results/statistics/paired.h"

namespace plateau::statistics {
namespace {

using Values = std::vector<std::optional<double>>;

struct Curve {
  std::vector<RankCell> cells;  // without collapsed ones; higher is better
  Values reference;             // empty: the last cell
};

std::vector<double> present(const Values& values) {
  std::vector<double> all;
  for (const auto& value : values) {
    if (value) all.push_back(*value);
  }
  return all;
}

// a - b for the seeds that both have.
std::vector<double> paired(const Values& a, const Values& b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] && b[i]) differences.push_back(*a[i] - *b[i]);
  }
  return differences;
}

Values turned(Values values, bool higher_is_better) {
  for (auto& value : values) {
    if (value && !higher_is_better) value = -*value;
  }
  return values;
}

Curve usable(const PlateauQuestion& question, std::vector<std::int64_t>& collapsed) {
  Curve curve;
  for (const RankCell& cell : question.cells) {
    const Values values = turned(cell.values, question.higher_is_better);
    const std::vector<double> all = present(values);
    if (cell.collapsed) collapsed.push_back(cell.rank);
    if (all.empty() || cell.collapsed) continue;
    const double chance =
        question.higher_is_better ? question.chance.value_or(0) : -question.chance.value_or(0);
    if (question.chance && mean(all) < chance) {
      collapsed.push_back(cell.rank);
    } else {
      curve.cells.push_back({cell.rank, values});
    }
  }
  curve.reference = turned(question.reference, question.higher_is_better);
  return curve;
}

// The paired differences reference - rank, for every rank that is not the reference itself, from
// the largest down.
struct Against {
  std::int64_t rank = 0;
  std::vector<double> losses;
};

std::vector<Against> against_reference(const Curve& curve) {
  std::vector<Against> all;
  const bool own = curve.reference.empty();
  const Values& reference = own ? curve.cells.back().values : curve.reference;
  for (std::size_t i = curve.cells.size() - (own ? 1 : 0); i-- > 0;) {
    all.push_back({curve.cells[i].rank, paired(reference, curve.cells[i].values)});
  }
  return all;
}

double pooled_deviation(const std::vector<Against>& all) {
  double squares = 0.0;
  std::size_t freedom = 0;
  for (const Against& one : all) {
    if (one.losses.size() < 2) continue;
    const double deviation = standard_deviation(one.losses);
    squares += deviation * deviation * static_cast<double>(one.losses.size() - 1);
    freedom += one.losses.size() - 1;
  }
  return freedom == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(freedom));
}

// One-sided "the loss is below the margin": the mirror image of "above".
double non_inferiority_p(const std::vector<double>& losses, double margin) {
  std::vector<double> gains;
  for (double loss : losses)
    gains.push_back(-loss);
  return t_test_above(gains, -margin);
}

// Steps until the first failure; returns the smallest rank that passed.
std::optional<std::int64_t> step_down(const std::vector<Against>& all, const PlateauQuestion& ask,
                                      std::vector<PlateauStep>& steps) {
  std::optional<std::int64_t> smallest;
  for (const Against& one : all) {
    PlateauStep step;
    step.rank = one.rank;
    step.pairs = one.losses.size();
    if (step.pairs > 0) step.loss = mean(one.losses);
    if (step.pairs > 1) {
      step.deviation = standard_deviation(one.losses);
      step.p_value = non_inferiority_p(one.losses, ask.margin);
      step.passed = step.p_value <= ask.alpha;
    }
    steps.push_back(step);
    if (!step.passed) break;
    smallest = one.rank;
  }
  return smallest;
}

// Is the largest rank worse than a smaller one, surely and by the margin or more? Holm over the
// smaller ranks.
bool declines(const Curve& curve, const PlateauQuestion& ask) {
  std::vector<double> p_values;
  std::vector<double> falls;
  const Values& last = curve.cells.back().values;
  for (std::size_t i = 0; i + 1 < curve.cells.size(); ++i) {
    const std::vector<double> fall = paired(curve.cells[i].values, last);
    if (fall.size() < 2) continue;
    p_values.push_back(t_test_above(fall, 0.0));
    falls.push_back(mean(fall));
  }
  const std::vector<double> adjusted = holm(p_values);
  for (std::size_t i = 0; i < adjusted.size(); ++i) {
    if (adjusted[i] <= ask.alpha && falls[i] >= ask.margin) return true;
  }
  return false;
}

// Is the largest rank better than its neighbour, or worse than a reference of its own, surely and
// by the margin or more?
bool still_grows(const Curve& curve, const PlateauQuestion& ask) {
  const std::vector<double> gain =
      curve.reference.empty()
          ? paired(curve.cells.back().values, curve.cells[curve.cells.size() - 2].values)
          : paired(curve.reference, curve.cells.back().values);
  return gain.size() > 1 && t_test_above(gain, 0.0) <= ask.alpha && mean(gain) >= ask.margin;
}

std::int64_t best_rank(const Curve& curve) {
  const auto best = std::max_element(curve.cells.begin(), curve.cells.end(),
                                     [](const RankCell& a, const RankCell& b) {
                                       return mean(present(a.values)) < mean(present(b.values));
                                     });
  return best->rank;
}

std::optional<std::int64_t> one_standard_error(const Curve& curve) {
  const std::int64_t best = best_rank(curve);
  for (const RankCell& cell : curve.cells) {
    if (cell.rank != best) continue;
    const std::vector<double> values = present(cell.values);
    if (values.size() < 2) return std::nullopt;
    const double limit =
        mean(values) - standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
    for (const RankCell& candidate : curve.cells) {
      if (mean(present(candidate.values)) >= limit) return candidate.rank;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string to_string(PlateauAnswer answer) {
  switch (answer) {
    case PlateauAnswer::kPlateau:
      return "plateau";
    case PlateauAnswer::kFlat:
      return "flat throughout";
    case PlateauAnswer::kNoPlateau:
      return "no plateau in range";
    case PlateauAnswer::kPeakThenDecline:
      return "peak then decline";
    case PlateauAnswer::kInconclusive:
      return "inconclusive";
    case PlateauAnswer::kCollapsed:
      return "collapsed";
  }
  return "unknown";
}

PlateauResult find_plateau(const PlateauQuestion& question) {
  PLATEAU_CHECK(question.margin > 0.0, "a plateau needs a margin above zero");
  PlateauResult result;
  const Curve curve = usable(question, result.collapsed);
  if (curve.cells.size() < 2) {
    if (!result.collapsed.empty()) result.answer = PlateauAnswer::kCollapsed;
    return result;
  }
  const std::vector<Against> all = against_reference(curve);
  result.one_standard_error_rank = one_standard_error(curve);
  if (declines(curve, question)) {
    result.answer = PlateauAnswer::kPeakThenDecline;
    result.rank = best_rank(curve);
    return result;
  }
  result.rank = step_down(all, question, result.steps);
  if (!result.rank) {
    result.answer =
        still_grows(curve, question) ? PlateauAnswer::kNoPlateau : PlateauAnswer::kInconclusive;
  } else if (*result.rank == curve.cells.front().rank) {
    result.answer = PlateauAnswer::kFlat;
  } else {
    result.answer = PlateauAnswer::kPlateau;
  }
  return result;
}

std::optional<PlateauPower> plateau_power(const PlateauQuestion& question) {
  std::vector<std::int64_t> collapsed;
  const Curve curve = usable(question, collapsed);
  if (curve.cells.size() < 2) return std::nullopt;
  const std::vector<Against> all = against_reference(curve);
  PlateauPower power;
  power.deviation = pooled_deviation(all);
  power.seeds = all.front().losses.size();
  for (const Against& one : all)
    power.seeds = std::min(power.seeds, one.losses.size());
  if (power.seeds < 2) return std::nullopt;
  power.at_margin = t_test_power(question.margin, power.deviation, power.seeds, question.alpha);
  power.smallest_margin =
      smallest_effect(power.deviation, power.seeds, question.alpha, question.power);
  power.seeds_needed =
      count_for_power(question.margin, power.deviation, question.alpha, question.power);
  return power;
}

}  // namespace plateau::statistics
