// How far a run is from its reference, and whether that is near enough.
//
// Float32 on the CPU. Logits: 1e-4 absolute. Losses: relative, 1e-5 for the small models beside the
// cases and 1e-4 for real ones, plus 1.2e-7 (a loss near zero is one minus a probability near one,
// which float32 knows to that). Gradient norms: 1e-4 relative. Final weights: 1e-4 of the norm of
// the change, over all trained tensors together without attention key biases, whose gradient is
// zero but for rounding, which Adam turns into noise. Counts: equal.
#pragma once

#include <string>
#include <vector>

#include "worker/trainer/check/run_case.h"

namespace plateau::trainer {

struct CheckRow {
  std::string what;         // "logits after"
  double difference = 0.0;  // the largest; not finite: could not be compared
  double tolerance = 0.0;
  std::string note;  // where the largest is, or what is missing
  bool holds() const { return difference <= tolerance; }
};

// Errors: a file of the case that cannot be read.
Result<std::vector<CheckRow>> compare_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                                  const GoldenBatch& batch, GoldenRun& run);

}  // namespace plateau::trainer
