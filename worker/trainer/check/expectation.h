// What a run is held against, in one shape: a reference's record, or another run of this trainer.
#pragma once

#include <optional>
#include <vector>

#include "worker/trainer/check/run_case.h"

namespace plateau::trainer {

struct Expectation {
  // "logits before", "logits after", and what else is there of "logits merged" and "logsumexp ...".
  // [B, outputs]; language modelling: [rows of all texts, the first columns of the vocabulary], of
  // which a record holds fewer than a run, and the sums [rows].
  TensorMap logits;
  std::vector<double> losses;
  std::optional<std::vector<double>> gradient_norms;
  // By our names. Of the tensors in `sums` only the sum and the L2 norm [2] are known.
  std::optional<TensorMap> final, sums;
};

// The case's record. kCorrupt, kIo: a file of it that cannot be read, or that lacks something.
Result<Expectation> recorded(const GoldenCase& golden, const GoldenBatch& batch,
                             const GoldenRun& run);

// The same things as `record` has, of `run`.
Expectation made_by(const GoldenRun& run, const Expectation& record);

}  // namespace plateau::trainer
