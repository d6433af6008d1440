// A trained adapter and its head on a loaded base, out of a folder, however it came to be.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "common/spec/trial.h"
#include "worker/trainer/adapters/adapter.h"
#include "worker/trainer/adapters/head.h"
#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {

// What a folder holds: the method, and its tensors by the names that Adapter::import and
// Head::trained use.
struct AdapterFiles {
  AdapterSpec spec;
  TensorMap tensors;
};

struct Trained {
  AdapterSpec spec;  // parameters complete
  std::unique_ptr<Adapter> adapter;
  Head head;
  std::int64_t outputs = 0;  // of the head: classes, 1 for regression, 0 in language modelling
};

// Reads a folder that Hugging Face PEFT, pyreft, adapters or this trainer saved. The adapter's head
// is the folder's; a folder without one (task_type null) gets the base's own. `model` must outlive
// the result and have been loaded from `base`. kNotFound, kCorrupt: a missing tensor, another
// shape; kInvalidArgument: not supported, not of this base, a tensor that no part of the method
// takes. `positions`: of a folder of pyreft's, see pyreft_folder.h.
Result<Trained> load_trained(const std::filesystem::path& folder, const Model& model,
                             const std::filesystem::path& base, const std::string& positions = "");

// Logits [items, outputs] of a split in its order, without a graph.
at::Tensor trained_logits(const Trained& trained, const Model& model, const Split& split);

}  // namespace plateau::trainer
