// Makes train, validation and test of what a reader found: seeded, stratified, disjoint by text.
//
// The same rows and split_seed give the same splits; a trial's own seed never changes them. Test is
// drawn first, then validation, then train, so test does not depend on how much is trained on.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"
#include "worker/trainer/data/rows.h"

namespace plateau::trainer {

struct SplitRows {
  std::vector<Row> train;
  std::vector<Row> validation;
  std::vector<Row> test;
  std::vector<std::string> notes;  // the reader's and those of the splitting
};

// Files with splits of their own keep them. No test: validation becomes test, and a new validation
// is cut from train (as GLUE's tasks are used). Neither: both are cut from train. What is cut comes
// from texts that occur once, so no text is on two sides. A size of 0 means all of a given split,
// 10 % of train for one that is cut, and what is left for train.
//
// kInvalidArgument: fewer rows than asked for, with both numbers; a class without rows.
Result<SplitRows> make_splits(SourceRows rows, const TaskSpec& task);

// `count` indices out of `candidates`, each class with its share (largest remainder), drawn by the
// seed; ascending. candidates[i] is an index into rows. count <= candidates.size().
std::vector<std::size_t> draw_stratified(const std::vector<Row>& rows,
                                         const std::vector<std::size_t>& candidates,
                                         std::size_t count, std::uint64_t seed);

}  // namespace plateau::trainer
