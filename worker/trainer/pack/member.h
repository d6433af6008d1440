// One trial in training: its adapter, head, optimizer and place in the data. Nothing in here is
// shared with another trial but the frozen model and the data.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/spec/trial.h"
#include "worker/trainer/adapters/adapter.h"
#include "worker/trainer/adapters/head.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/optim/adamw.h"
#include "worker/trainer/optim/schedule.h"

namespace plateau::trainer {

class Member {
 public:
  // A trial at step 0. kInvalidArgument: parameters that do not fit the model, tokens outside its
  // vocabulary, texts longer than its positions, no training data.
  static Result<std::unique_ptr<Member>> create(const Trial& trial,
                                                std::shared_ptr<const Model> model,
                                                std::shared_ptr<const Dataset> data);

  const Trial& trial() const { return trial_; }
  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }
  const Dataset& data() const { return *data_; }
  Adapter& adapter() { return *adapter_; }
  const Adapter& adapter() const { return *adapter_; }
  Head& head() { return head_; }
  const Head& head() const { return head_; }
  AdamW& optimizer() { return optimizer_; }
  const AdamW& optimizer() const { return optimizer_; }

  std::int64_t step() const { return optimizer_.steps_done(); }
  std::int64_t steps_total() const { return schedule_.total_steps; }
  // From the start where nothing is trained (the frozen base in language modelling).
  bool is_done() const { return step() >= steps_total(); }

  // The training items of the coming step, in order: by epoch_order(seed, epoch) and batch_size;
  // the last batch of an epoch may be smaller.
  std::vector<std::int64_t> next_batch() const;
  // Items [begin, begin + count) of that batch as sequences to pack.
  TrialSequences sequences(const std::vector<std::int64_t>& batch, std::int64_t begin,
                           std::int64_t count) const;
  // The mean loss of the same items, whose features come first: cross entropy, or squared error for
  // regression; in language modelling the mean over the tokens that are to be predicted. A scalar.
  at::Tensor loss(const at::Tensor& features, const std::vector<std::int64_t>& batch,
                  std::int64_t begin, std::int64_t count) const;
  // Over how many items or tokens that mean goes: what micro-batches are weighed with.
  std::int64_t loss_terms(const std::vector<std::int64_t>& batch, std::int64_t begin,
                          std::int64_t count) const;
  bool is_language_model() const { return model_->info().pooling == Pooling::kTokens; }
  // Learning-rate factor of the coming step.
  double rate_factor() const { return schedule_factor(schedule_, step()); }

  // Adapter and head.
  std::vector<TrainedTensor> trained() const;
  std::int64_t adapter_parameters() const;

  // Copies of the trained values, and back.
  TensorMap snapshot() const;
  Status restore(const TensorMap& snapshot);

 private:
  Member(const Trial& trial, std::shared_ptr<const Model> model,
         std::shared_ptr<const Dataset> data, std::unique_ptr<Adapter> adapter, Head head);

  Trial trial_;
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Dataset> data_;
  std::unique_ptr<Adapter> adapter_;
  Head head_;
  Schedule schedule_;
  AdamW optimizer_;
  mutable std::int64_t ordered_epoch_ = -1;
  mutable std::vector<std::int64_t> order_;  // of ordered_epoch_
};

// Outputs of a trial's head: classes, 1 for regression, 0 (no head) in language modelling.
std::int64_t head_outputs(const TaskSpec& task);
// Optimizer steps of a whole trial: epochs * batches per epoch, rounded, at least 1.
std::int64_t count_steps(const OptimizerSpec& optimizer, std::int64_t train_items);
// kInvalidArgument: texts or ids that the model cannot take; says which limit and what to change.
Status check_data_fits(const Model& model, const Trial& trial, const Dataset& data);

}  // namespace plateau::trainer
