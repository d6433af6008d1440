// Which configuration next? A function of the history alone: the same seed and history give the
// same answer, on every machine, before and after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/search/history.h"

namespace plateau::search {

enum class Method { kRandom, kSobol, kTpe, kBayes };
// As in sweep files: "random", "sobol", "tpe", "bayes".
const char* to_string(Method method);

struct Options {
  Method method = Method::kRandom;
  std::uint64_t seed = 0;
  // A model is asked once so many points have a loss; before, points are quasi-random.
  std::size_t startup = 10;
};

struct Proposal {
  Point point;
  std::string reason;  // one sentence: what it is based on
};

// A point that is not in the history. nullopt: all have been proposed.
std::optional<Proposal> propose(const Space& space, const History& history, const Options& options);

}  // namespace plateau::search
