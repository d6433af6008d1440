#include "coordinator/search/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace plateau::search {
namespace {

constexpr double kGoodShare = 0.1;
constexpr double kGoodMax = 25;
constexpr int kCandidates = 16;
// Draws for them, of which some fall into other branches.
constexpr int kDraws = 1000;
// So often the branch is one of the prior's. This, and how points of other branches weigh, did best
// on conditional functions that were drawn at random, none of them of this folder's README.
constexpr double kAnyBranch = 0.3;

// Orders points by how good they are; nullopt: nothing is known of it yet.
using Rank = std::tuple<bool, double, double>;
std::optional<Rank> rank_of(const Observation& observation) {
  if (const auto* finished = std::get_if<Finished>(&observation.outcome)) {
    return Rank{false, 0.0, finished->loss};
  }
  if (const auto* stopped = std::get_if<Stopped>(&observation.outcome)) {
    return Rank{true, -stopped->share, stopped->loss};
  }
  return std::nullopt;
}

// Places in the history of what has a loss, the best first.
std::vector<std::size_t> ranked(const History& history) {
  std::vector<std::pair<Rank, std::size_t>> ranks;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (const std::optional<Rank> rank = rank_of(history[i])) ranks.emplace_back(*rank, i);
  }
  std::sort(ranks.begin(), ranks.end());
  std::vector<std::size_t> order;
  for (const auto& [rank, index] : ranks)
    order.push_back(index);
  return order;
}

double good_of(double all) {
  return std::min(std::ceil(kGoodShare * all), kGoodMax);
}

bool has_branches(const Space& space) {
  return std::any_of(space.dimensions.begin(), space.dimensions.end(),
                     [](const Dimension& dimension) { return bool(dimension.exists); });
}

double weight_of(const Space& space, const Branch& one, const Branch& other) {
  if (one == other) return 1;
  double common = 0;
  double all = 0;
  for (std::size_t d = 0; d < one.size(); ++d) {
    if (std::holds_alternative<Categorical>(space.dimensions[d].kind)) continue;
    common += one[d] && other[d] ? 1 : 0;
    all += one[d] || other[d] ? 1 : 0;
  }
  const double share = all > 0 ? common / all : 0;
  return share * share;
}

}  // namespace

Branch branch_of(const Point& point) {
  Branch branch;
  for (const std::optional<double>& value : point)
    branch.push_back(value.has_value());
  return branch;
}

Point draw_branch(const Space& space, const History& history, Random& random) {
  const std::vector<std::size_t> order = ranked(history);
  if (random.uniform() < kAnyBranch) return random_point(space, random);
  const auto good = static_cast<std::size_t>(good_of(static_cast<double>(order.size())));
  return history[order[random.below(good)]].point;
}

GoodAndBad split(const Space& space, const History& history, const Branch& branch) {
  std::vector<double> weights;
  for (const Observation& observation : history)
    weights.push_back(weight_of(space, branch, branch_of(observation.point)));
  const std::vector<std::size_t> order = ranked(history);
  double all = 0;
  for (const std::size_t index : order)
    all += weights[index];
  std::vector<bool> is_good(history.size(), false);
  double good = 0;
  for (const std::size_t index : order) {
    if (good >= good_of(all)) break;
    is_good[index] = true;
    good += weights[index];
  }
  GoodAndBad parts;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (weights[i] > 0)
      (is_good[i] ? parts.good : parts.bad).push_back({history[i].point, weights[i]});
  }
  return parts;
}

Point tpe_candidate(const Space& space, const History& history, Random& random) {
  // Without branches every point is of the same one.
  Point best = has_branches(space) ? draw_branch(space, history, random) : history[0].point;
  const Branch branch = branch_of(best);
  GoodAndBad parts = split(space, history, branch);
  const ParzenDensity good(space, std::move(parts.good));
  const ParzenDensity bad(space, std::move(parts.bad));
  double best_ratio = -std::numeric_limits<double>::infinity();
  int candidates = 0;
  for (int i = 0; i < kDraws && candidates < kCandidates; ++i) {
    Point candidate = good.sample(random);
    if (branch_of(candidate) != branch) continue;
    ++candidates;
    const double ratio = good.log_density(candidate) - bad.log_density(candidate);
    if (candidates == 1 || ratio > best_ratio) {
      best_ratio = ratio;
      best = std::move(candidate);
    }
  }
  return best;
}

}  // namespace plateau::search
