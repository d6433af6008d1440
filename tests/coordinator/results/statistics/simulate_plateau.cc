// Prints the error rates of the plateau test as they stand in coordinator/results/README.md.
#include <cstdio>

#include "tests/coordinator/results/statistics/simulated_curves.h"

int main() {
  using namespace plateau::statistics;
  constexpr std::size_t kDraws = 4000;
  std::printf(
      "| curve | s.d. | seeds | plateau | flat | none | decline | inconclusive | collapsed | right "
      "rank | too small |\n");
  std::printf("| --- |%s\n",
              " ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const CurveKind& kind : curve_kinds()) {
    for (double deviation : {0.3, 0.7}) {
      for (std::size_t seeds : {3u, 5u, 10u}) {
        Rates rates = simulate(kind, deviation, seeds, kDraws);
        std::printf("| %s | %.1f | %zu |", kind.name, deviation, seeds);
        for (PlateauAnswer answer : {PlateauAnswer::kPlateau, PlateauAnswer::kFlat,
                                     PlateauAnswer::kNoPlateau, PlateauAnswer::kPeakThenDecline,
                                     PlateauAnswer::kInconclusive, PlateauAnswer::kCollapsed}) {
          std::printf(" %.2f |", rates.answers[answer]);
        }
        std::printf(" %.2f | %.3f |\n", rates.exact, rates.too_small);
      }
    }
  }
  return 0;
}
