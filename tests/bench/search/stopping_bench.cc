#include "tests/bench/search/stopping_bench.h"

#include <algorithm>
#include <numeric>

#include "common/base/random.h"

namespace plateau::bench {
namespace {

std::vector<std::size_t> order_of(const TrialTable& table, std::uint64_t seed) {
  std::vector<std::size_t> order(table.cells.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(derive_seed(seed, "order"));
  random.shuffle(order);
  return order;
}

// What a run with these lengths found. Only a cell that was trained to its end can be chosen.
StoppingRun outcome(const TrialTable& table, const std::vector<std::size_t>& order,
                    std::vector<std::size_t> lengths) {
  StoppingRun run;
  double best = 0;
  double found = 0;
  std::size_t spent = 0;
  std::size_t whole = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::vector<double>& curve = table.cells[order[i]].accuracies;
    best = std::max(best, curve.back());
    spent += lengths[i];
    whole += curve.size();
    if (lengths[i] < curve.size()) continue;
    found = std::max(found, curve.back());
    ++run.finished;
  }
  run.share = static_cast<double>(spent) / static_cast<double>(whole);
  run.regret = best - found;
  run.lengths = std::move(lengths);
  return run;
}

}  // namespace

StoppingRun run_with(const StoppingCase& stopping, const TrialTable& table, std::size_t slots,
                     std::uint64_t seed) {
  const std::vector<std::size_t> order = order_of(table, seed);
  std::vector<search::Curve> curves;  // of those that began
  std::vector<std::size_t> running;
  while (true) {
    while (running.size() < slots && curves.size() < order.size()) {
      running.push_back(curves.size());
      curves.emplace_back();
    }
    if (running.empty()) break;
    std::vector<std::size_t> go_on;
    for (const std::size_t trial : running) {
      const Cell& cell = table.cells[order[trial]];
      search::Curve& curve = curves[trial];
      const std::size_t now = curve.size();
      curve.push_back(stopping.on_loss ? cell.losses[now] : 1 - cell.accuracies[now]);
      if (curve.size() == cell.accuracies.size()) continue;
      if (!search::why_stop(stopping.rule, curves, trial)) go_on.push_back(trial);
    }
    running = std::move(go_on);
  }
  std::vector<std::size_t> lengths;
  for (const search::Curve& curve : curves)
    lengths.push_back(curve.size());
  return outcome(table, order, std::move(lengths));
}

StoppingRun run_by_chance(const StoppingRun& run, const TrialTable& table, std::uint64_t seed) {
  std::vector<std::size_t> lengths = run.lengths;
  Random random(derive_seed(seed, "chance"));
  random.shuffle(lengths);
  return outcome(table, order_of(table, seed), std::move(lengths));
}

}  // namespace plateau::bench
