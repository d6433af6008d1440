// Where does a metric stop growing with the rank? Pure; one metric, one task, one adapter.
//
// The answer is step-down non-inferiority against a reference stated beforehand: the differences
// "reference - rank", paired by seed, are shown to be below the user's margin by a one-sided t
// test, from the largest rank down, stopping at the first that fails. Each step is tested at the
// full level because none is reached unless all before it passed, so the chance of naming a rank
// that is truly worse by the margin or more is at most alpha.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/statistics/intervals.h"

namespace plateau::statistics {

struct RankCell {
  std::int64_t rank = 0;
  // By seed, the same seeds in the same order in every cell; nullopt: missing, diverged, failed.
  std::vector<std::optional<double>> values;
  bool collapsed = false;  // every run of it: left out and named, whatever its values
};

struct PlateauQuestion {
  std::vector<RankCell> cells;  // ascending ranks
  // What counts as no loss, in the metric's own unit. > 0.
  double margin = 0.0;
  double alpha = 0.05;
  double power = 0.8;  // for "how many seeds would it take"
  bool higher_is_better = true;
  // A cell whose mean is on the wrong side of this has collapsed and is left out.
  std::optional<double> chance;
  // Full fine-tuning or another fixed reference, by seed; empty: the largest rank.
  std::vector<std::optional<double>> reference;
};

enum class PlateauAnswer {
  kPlateau,          // from `rank` on nothing is lost, and below it something may be
  kFlat,             // the smallest rank already loses nothing
  kNoPlateau,        // the largest rank is still better than the one before it
  kPeakThenDecline,  // the largest rank is worse than a smaller one
  kInconclusive,     // this many seeds cannot tell
  kCollapsed,        // fewer than two ranks are left without collapsed cells
};
// "plateau from rank r*" and so on: the words of the tables.
std::string to_string(PlateauAnswer answer);

// One step: a rank against the reference.
struct PlateauStep {
  std::int64_t rank = 0;
  std::size_t pairs = 0;
  double loss = 0.0;       // mean of reference - rank (turned so that more is worse)
  double deviation = 0.0;  // of the paired differences
  double p_value = 1.0;    // of "the loss is at least the margin"
  bool passed = false;
};

struct PlateauResult {
  PlateauAnswer answer = PlateauAnswer::kInconclusive;
  std::optional<std::int64_t> rank;  // kPlateau, kFlat: r*; kPeakThenDecline: the best mean
  std::vector<PlateauStep> steps;    // from the largest rank down, as far as it went
  std::vector<std::int64_t> collapsed;
  // Description only: it names too large a rank about half the time, however many seeds.
  std::optional<std::int64_t> one_standard_error_rank;
};

// What this many seeds can show, whatever they showed.
struct PlateauPower {
  std::size_t seeds = 0;         // pairs of the weakest comparison
  double deviation = 0.0;        // of paired differences, pooled over ranks
  double at_margin = 0.0;        // power of one step when the true loss is nothing
  double smallest_margin = 0.0;  // that is shown with the wanted power
  std::size_t seeds_needed = 0;  // for the margin, with the wanted power; 1000: at least that
};

// Any number of cells; fewer than two usable ranks or two seeds give kCollapsed or kInconclusive.
PlateauResult find_plateau(const PlateauQuestion& question);
// nullopt without two usable ranks that share two seeds.
std::optional<PlateauPower> plateau_power(const PlateauQuestion& question);

}  // namespace plateau::statistics
