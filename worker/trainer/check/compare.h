// How far a run is from its reference, and whether that is near enough.
//
// Float32 on the CPU. Logits: 1e-4 absolute. Losses: relative, 1e-5 for the small models beside the
// cases and 1e-4 for real ones, plus 1.2e-7 (a loss near zero is one minus a probability near one,
// which float32 knows to that). Gradient norms: 1e-4 relative. Final weights: 1e-4 of the norm of
// the change, over all trained tensors together without attention key biases, whose gradient is
// zero but for rounding, which Adam turns into noise. Counts: equal.
//
// A deep model in float32 may be farther than that from exact arithmetic, and two float32 programs
// from each other. What float32 costs a case is measured, not assumed: the same run in float64, by
// the same comparison. A difference beyond its tolerance holds when it is of that order, at most
// kRoundings times as large: a record has rounding of its own, which may be several times ours.
#pragma once

#include <string>
#include <vector>

#include "worker/trainer/check/expectation.h"

namespace plateau::trainer {

constexpr double kRoundings = 10.0;

struct CheckRow {
  std::string what;         // "logits after"
  double difference = 0.0;  // the largest; not finite: could not be compared
  double tolerance = 0.0;
  std::string note;       // where the largest is, or what is missing
  double rounding = 0.0;  // of float32 in this case; 0: not measured
  bool is_within_tolerance() const { return difference <= tolerance; }
  bool holds() const { return is_within_tolerance() || difference <= kRoundings * rounding; }
};

std::vector<CheckRow> compare_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                          const Expectation& record, const GoldenRun& run);

// The case is run in float64 as well (twice the memory, a few times the time) if a row is beyond
// its tolerance; then its rows know their rounding. Errors: those of run_golden_case.
Status allow_for_rounding(const GoldenCase& golden, const GoldenBase& base,
                          const GoldenBatch& batch, const Expectation& record, const GoldenRun& run,
                          std::vector<CheckRow>& rows);

}  // namespace plateau::trainer
