#include "coordinator/results/scaling.h"

#include <cmath>
#include <set>

#include "common/base/text.h"

namespace plateau::results {
namespace {

// The facts of one curve that a convention is told from.
struct Alphas {
  std::set<double> values;
  std::set<double> per_rank;
  std::set<bool> root;  // divided by √r
  std::set<std::int64_t> ranks;
};

Alphas alphas_of(const Curve& curve) {
  Alphas alphas;
  for (const Cell* cell : curve.cells) {
    if (!cell->alpha || !cell->rank) return {};
    alphas.values.insert(*cell->alpha);
    alphas.per_rank.insert(*cell->alpha / static_cast<double>(*cell->rank));
    alphas.root.insert(std::abs(*cell->scale * static_cast<double>(*cell->rank) - *cell->alpha) >
                       1e-12 * *cell->alpha);
    alphas.ranks.insert(*cell->rank);
  }
  // At rank 1 the two scalings agree, so it decides nothing.
  if (alphas.root.size() > 1 && alphas.ranks.count(1) != 0) alphas.root = {true};
  return alphas;
}

// Is alpha one number over several ranks, as many ranks as there are, or neither?
enum class Law { kFixed, kProportional, kChosen };

Law law_of(const Alphas& alphas) {
  if (alphas.ranks.size() > 1 && alphas.values.size() == 1) return Law::kFixed;
  return alphas.per_rank.size() == 1 ? Law::kProportional : Law::kChosen;
}

std::string short_form(const Alphas& alphas, const Cell& cell) {
  if (alphas.values.empty()) return "";
  const bool root = alphas.root.size() == 1
                        ? *alphas.root.begin()
                        : std::abs(*cell.scale * static_cast<double>(*cell.rank) - *cell.alpha) >
                              1e-12 * *cell.alpha;
  const std::string divided = root ? "α/√r" : "α/r";
  if (law_of(alphas) == Law::kProportional && alphas.ranks.size() > 1) {
    const double factor = *alphas.per_rank.begin();
    return divided + ", α = " + (factor == 1.0 ? "" : format_number(factor)) + "r";
  }
  return divided + ", α = " + format_number(*cell.alpha);
}

}  // namespace

std::string scaling_convention(const Curve& curve) {
  const Alphas alphas = alphas_of(curve);
  if (alphas.values.empty()) return "";
  const std::string law = alphas.root.size() > 1 ? "alpha/r and alpha/√r mixed"
                          : *alphas.root.begin() ? "alpha/√r"
                                                 : "alpha/r";
  switch (law_of(alphas)) {
    case Law::kFixed:
      return law + " with alpha = " + format_number(*alphas.values.begin()) + " at every rank";
    case Law::kProportional:
      return law + " with alpha = " + format_number(*alphas.per_rank.begin()) + "·r";
    case Law::kChosen:
      break;
  }
  return law + " with alpha chosen per rank";
}

void describe_scaling(Summary& summary) {
  for (const Curve& curve : curves(summary)) {
    const Alphas alphas = alphas_of(curve);
    for (const Cell* member : curve.cells) {
      const auto place = static_cast<std::size_t>(member - summary.cells.data());
      summary.cells[place].scaling = short_form(alphas, *member);
    }
  }
}

}  // namespace plateau::results
