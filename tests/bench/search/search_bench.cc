// search-bench search TABLE REPEATS RUNNING METHODS FUNCTIONS: minimises each of the functions, of
// which `table` is that of real trials, with each method, RUNNING trials side by side; both are
// lists with commas. A line for each run: function, method, seed, then the regret after each of its
// trials. search-bench stopping TABLE REPEATS: each rule over the table's learning curves. A line
// for each run: rule, seed, share of the steps, cells trained to their end, regret; "RULE by
// chance" is its control. The first line is the deviation over seeds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "common/base/text.h"
#include "coordinator/search/propose.h"
#include "tests/bench/search/functions.h"
#include "tests/bench/search/stopping_bench.h"

namespace plateau::bench {
namespace {

constexpr std::size_t kSlots = 8;  // of the stopping bench: trials side by side

// `running` trials side by side, each as long as the others: the oldest ends, another begins.
void minimise(const Function& function, search::Method method, std::uint64_t seed,
              std::size_t running) {
  search::History history;
  double best = std::numeric_limits<double>::infinity();
  std::printf("%s,%s,%llu", function.name.c_str(), to_string(method),
              static_cast<unsigned long long>(seed));
  for (std::size_t ended = 0; ended < function.trials; ++ended) {
    while (history.size() < std::min(ended + running, function.trials)) {
      const auto proposal = search::propose(function.space, history, {method, seed, 10});
      history.push_back({proposal->point, search::Running{}});
    }
    const double value = function.value(history[ended].point);
    best = std::min(best, value);
    history[ended].outcome = search::Finished{value};
    std::printf(",%.6g", best - function.lowest);
  }
  std::printf("\n");
  std::fflush(stdout);
}

void search_all(const TrialTable& table, std::uint64_t repeats, std::size_t running,
                const std::vector<std::string>& methods, const std::vector<std::string>& names) {
  using search::Method;
  std::vector<Function> all = functions();
  all.push_back(table_function(table));
  for (const Function& function : all) {
    if (std::find(names.begin(), names.end(), function.name) == names.end()) continue;
    for (const std::string& name : methods) {
      for (const Method method : {Method::kRandom, Method::kSobol, Method::kTpe, Method::kBayes}) {
        if (name != to_string(method)) continue;
        for (std::uint64_t seed = 0; seed < repeats; ++seed)
          minimise(function, method, seed, running);
      }
    }
  }
}

void print(const std::string& rule, std::uint64_t seed, const StoppingRun& run) {
  std::printf("%s,%llu,%.6g,%zu,%.6g\n", rule.c_str(), static_cast<unsigned long long>(seed),
              run.share, run.finished, run.regret);
}

void stop_all(const TrialTable& table, std::uint64_t repeats) {
  const std::vector<std::pair<std::string, search::Rule>> rules = {
      {"asha eta 2", search::SuccessiveHalving{1, 2, 1}},
      {"asha eta 3", search::SuccessiveHalving{1, 3, 1}},
      {"asha eta 4", search::SuccessiveHalving{1, 4, 1}},
      {"asha eta 3 from the second evaluation", search::SuccessiveHalving{2, 3, 1}},
      {"hyperband eta 3", search::SuccessiveHalving{1, 3, 2}},
      {"W&B hyperband eta 3", search::WandbHyperband{search::brackets_from_min(1, 3), 3, false}},
      {"median", search::Median{}},
      {"patience 3", search::Patience{}},
  };
  std::printf("deviation over seeds,%.6g\n", table.seed_deviation);
  for (const bool on_loss : {false, true}) {
    for (const auto& [rule_name, rule] : rules) {
      const std::string name = rule_name + (on_loss ? " on the loss" : "");
      for (std::uint64_t seed = 0; seed < repeats; ++seed) {
        const StoppingRun run = run_with({rule, on_loss}, table, kSlots, seed);
        print(name, seed, run);
        print(name + " by chance", seed, run_by_chance(run, table, seed));
      }
    }
  }
}

}  // namespace
}  // namespace plateau::bench

int main(int argc, char** argv) {
  using plateau::split;
  const std::vector<std::string> words(argv, argv + argc);
  const bool searches = argc == 7 && words[1] == "search";
  if (!searches && !(argc == 4 && words[1] == "stopping")) {
    std::fprintf(stderr,
                 "usage: search-bench search TABLE REPEATS RUNNING random,sobol,tpe,bayes "
                 "branin,hartmann6,ackley5,conditional,table\n"
                 "       search-bench stopping TABLE REPEATS\n");
    return 2;
  }
  const auto table = plateau::bench::read_trial_table(words[2]);
  if (!table) {
    std::fprintf(stderr, "search-bench: %s\n", table.error().message.c_str());
    return 3;
  }
  const auto repeats = std::strtoull(argv[3], nullptr, 10);
  if (searches) {
    const auto running = std::strtoull(argv[4], nullptr, 10);
    plateau::bench::search_all(*table, repeats, std::max<std::size_t>(running, 1),
                               split(words[5], ','), split(words[6], ','));
  } else {
    plateau::bench::stop_all(*table, repeats);
  }
  return 0;
}
