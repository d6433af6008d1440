#include "coordinator/search/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "coordinator/search/parzen.h"

namespace plateau::search {
namespace {

constexpr double kGoodShare = 0.1;
constexpr std::size_t kGoodMax = 25;
constexpr int kCandidates = 16;

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

}  // namespace

GoodAndBad split(const History& history) {
  std::vector<std::pair<Rank, std::size_t>> ranked;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (const std::optional<Rank> rank = rank_of(history[i])) ranked.emplace_back(*rank, i);
  }
  std::sort(ranked.begin(), ranked.end());
  const auto share =
      static_cast<std::size_t>(std::ceil(kGoodShare * static_cast<double>(ranked.size())));
  ranked.resize(std::min(share, kGoodMax));
  std::vector<bool> is_good(history.size(), false);
  for (const auto& [rank, index] : ranked)
    is_good[index] = true;
  GoodAndBad parts;
  for (std::size_t i = 0; i < history.size(); ++i)
    (is_good[i] ? parts.good : parts.bad).push_back(history[i].point);
  return parts;
}

Point tpe_candidate(const Space& space, const History& history, Random& random) {
  GoodAndBad parts = split(history);
  const ParzenDensity good(space, std::move(parts.good));
  const ParzenDensity bad(space, std::move(parts.bad));
  Point best;
  double best_ratio = -std::numeric_limits<double>::infinity();
  for (int i = 0; i < kCandidates; ++i) {
    Point candidate = good.sample(random);
    const double ratio = good.log_density(candidate) - bad.log_density(candidate);
    if (best.empty() || ratio > best_ratio) {
      best_ratio = ratio;
      best = std::move(candidate);
    }
  }
  return best;
}

}  // namespace plateau::search
