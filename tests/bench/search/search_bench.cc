// search-bench REPEATS METHOD...: minimises each function with each method, 100 trials a time.
// A line for each run: function, method, seed, then the regret after 20, 50 and 100 trials.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "coordinator/search/propose.h"
#include "tests/bench/search/functions.h"

namespace plateau::bench {
namespace {

constexpr std::size_t kTrials = 100;

void run(const Function& function, search::Method method, std::uint64_t seed) {
  search::History history;
  double best = std::numeric_limits<double>::infinity();
  std::printf("%s,%s,%llu", function.name.c_str(), to_string(method),
              static_cast<unsigned long long>(seed));
  while (history.size() < kTrials) {
    const auto proposal = search::propose(function.space, history, {method, seed, 10});
    const double value = function.value(proposal->point);
    best = std::min(best, value);
    history.push_back({proposal->point, search::Finished{value}});
    if (history.size() == 20 || history.size() == 50 || history.size() == 100) {
      std::printf(",%.6g", best - function.lowest);
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace
}  // namespace plateau::bench

int main(int argc, char** argv) {
  using plateau::search::Method;
  if (argc < 3) {
    std::fprintf(stderr, "usage: search-bench REPEATS random|sobol|tpe|bayes...\n");
    return 2;
  }
  const auto repeats = std::strtoull(argv[1], nullptr, 10);
  for (const plateau::bench::Function& function : plateau::bench::functions()) {
    for (int i = 2; i < argc; ++i) {
      for (const Method method : {Method::kRandom, Method::kSobol, Method::kTpe, Method::kBayes}) {
        if (std::string(argv[i]) != to_string(method)) continue;
        for (std::uint64_t seed = 0; seed < repeats; ++seed)
          plateau::bench::run(function, method, seed);
      }
    }
  }
  return 0;
}
