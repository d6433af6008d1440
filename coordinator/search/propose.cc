#include "coordinator/search/propose.h"

#include <algorithm>

#include "common/base/check.h"
#include "coordinator/search/gaussian_process.h"
#include "coordinator/search/sobol.h"
#include "coordinator/search/tpe.h"

namespace plateau::search {
namespace {

// Tries for a point that is new, before all points are counted.
constexpr int kTries = 100;
constexpr std::size_t kCountedMax = 100'000;

struct Known {
  std::size_t finished = 0;
  std::size_t stopped = 0;
  std::size_t failed = 0;
  std::size_t running = 0;
};

Known count(const History& history) {
  Known known;
  for (const Observation& observation : history) {
    known.finished += std::holds_alternative<Finished>(observation.outcome) ? 1U : 0U;
    known.stopped += std::holds_alternative<Stopped>(observation.outcome) ? 1U : 0U;
    known.failed += std::holds_alternative<Failed>(observation.outcome) ? 1U : 0U;
    known.running += std::holds_alternative<Running>(observation.outcome) ? 1U : 0U;
  }
  return known;
}

bool is_new(const History& history, const Point& point) {
  return std::none_of(history.begin(), history.end(),
                      [&](const Observation& observation) { return observation.point == point; });
}

std::string based_on(const Known& known) {
  std::string text = std::to_string(known.finished) + " finished";
  if (known.stopped > 0) text += ", " + std::to_string(known.stopped) + " stopped early";
  if (known.failed > 0) text += ", " + std::to_string(known.failed) + " failed or diverged";
  if (known.running > 0) text += ", " + std::to_string(known.running) + " not ended";
  return text;
}

class Proposer {
 public:
  Proposer(const Space& space, const History& history, const Options& options)
      : space_(space), history_(history), options_(options), known_(count(history)) {}

  Proposal draw(std::uint64_t attempt) const {
    const std::uint64_t index = history_.size();
    Random random(derive_seed(options_.seed, "proposal", {index, attempt}));
    const bool startup =
        known_.finished + known_.stopped < std::max<std::size_t>(options_.startup, 2);
    if (options_.method == Method::kRandom || attempt > kTries / 2) {
      return {random_point(space_, random), "at random"};
    }
    if (options_.method == Method::kSobol || startup) {
      std::string reason = "point " + std::to_string(index + attempt) + " of a Sobol sequence";
      if (options_.method != Method::kSobol) {
        reason +=
            ": " + based_on(known_) + ", the model begins with " + std::to_string(options_.startup);
      }
      return {point_at(space_, sobol_point(index + attempt, space_.dimensions.size(),
                                           derive_seed(options_.seed, "scramble"))),
              std::move(reason)};
    }
    if (options_.method == Method::kBayes) {
      return {gp_candidate(space_, history_, random),
              "the highest expected improvement of a Gaussian process over " + based_on(known_)};
    }
    return {tpe_candidate(space_, history_, random),
            "the tree-structured Parzen estimator over " + based_on(known_)};
  }

 private:
  const Space& space_;
  const History& history_;
  const Options& options_;
  Known known_;
};

// The first point in order that is not in the history; there is one.
Proposal first_new(const Space& space, const History& history, Point& point) {
  const std::size_t at = point.size();
  if (at == space.dimensions.size()) {
    return is_new(history, point) ? Proposal{point, "one of the last points that are left"}
                                  : Proposal{};
  }
  const Dimension& dimension = space.dimensions[at];
  const bool exists = !dimension.exists || dimension.exists(point);
  for (std::size_t level = 0; level < (exists ? level_count(dimension) : 1); ++level) {
    point.push_back(exists ? std::optional(static_cast<double>(level)) : std::nullopt);
    Proposal found = first_new(space, history, point);
    point.pop_back();
    if (!found.reason.empty()) return found;
  }
  return {};
}

}  // namespace

const char* to_string(Method method) {
  switch (method) {
    case Method::kRandom:
      return "random";
    case Method::kSobol:
      return "sobol";
    case Method::kTpe:
      return "tpe";
    case Method::kBayes:
      return "bayes";
  }
  return "";
}

std::optional<Proposal> propose(const Space& space, const History& history,
                                const Options& options) {
  PLATEAU_CHECK(!space.dimensions.empty(), "a space has a dimension");
  const Proposer proposer(space, history, options);
  for (std::uint64_t attempt = 0; attempt < kTries; ++attempt) {
    Proposal proposal = proposer.draw(attempt);
    if (is_new(history, proposal.point)) return proposal;
  }
  // Chance finds nothing new: a small space that is nearly used up.
  if (!count_points(space, kCountedMax)) return proposer.draw(kTries);
  Point point;
  Proposal last = first_new(space, history, point);
  if (last.reason.empty()) return std::nullopt;
  return last;
}

}  // namespace plateau::search
