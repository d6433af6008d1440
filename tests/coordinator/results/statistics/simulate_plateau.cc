// Prints the error rates of the plateau test and the coverage of its intervals, as they stand in
// coordinator/results/statistics/README.md.
#include <cstdio>

#include "tests/coordinator/results/statistics/simulated_curves.h"

namespace {

using namespace plateau::statistics;

void print_coverage() {
  constexpr std::size_t kDraws = 200;
  std::printf("\n| curve | s.d. | seeds | loss | break | hockey stick best | 1-SE too large |\n");
  std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const CurveKind& kind : curve_kinds()) {
    for (std::size_t seeds : {3u, 5u, 10u}) {
      const Coverage coverage = coverage_of(kind, 0.3, seeds, kDraws, 199);
      std::printf("| %s | %.1f | %zu | %.2f | %.2f | %.2f | %.2f |\n", kind.name, 0.3 * kind.noise,
                  seeds, coverage.loss, coverage.break_rank, coverage.hockey_stick,
                  coverage.label_too_large);
    }
  }
}

}  // namespace

int main() {
  constexpr std::size_t kDraws = 2000;
  std::printf(
      "| curve | s.d. | seeds | plateau | flat | none | decline | inconclusive | collapsed | right "
      "rank | too small |\n");
  std::printf("| --- |%s\n",
              " ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const CurveKind& kind : curve_kinds()) {
    for (double deviation : {0.3, 0.7}) {
      for (std::size_t seeds : {3u, 5u, 10u}) {
        Rates rates = simulate(kind, deviation, seeds, kDraws);
        std::printf("| %s | %.1f | %zu |", kind.name, kind.noise * deviation, seeds);
        for (PlateauAnswer answer : {PlateauAnswer::kPlateau, PlateauAnswer::kFlat,
                                     PlateauAnswer::kNoPlateau, PlateauAnswer::kPeakThenDecline,
                                     PlateauAnswer::kInconclusive, PlateauAnswer::kCollapsed}) {
          std::printf(" %.2f |", rates.answers[answer]);
        }
        std::printf(" %.2f | %.3f |\n", rates.exact, rates.too_small);
      }
    }
  }
  print_coverage();
  return 0;
}
