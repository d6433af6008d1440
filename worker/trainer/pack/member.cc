#include "worker/trainer/pack/member.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "common/base/text.h"
#include "common/spec/task_kinds.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/eval/lm_targets.h"

namespace plateau::trainer {
namespace {

std::int64_t batches_per_epoch(const OptimizerSpec& optimizer, std::int64_t items) {
  return (items + optimizer.batch_size - 1) / optimizer.batch_size;
}

// No steps where nothing is trained.
Schedule make_schedule(const OptimizerSpec& optimizer, std::int64_t items, bool trains) {
  const std::int64_t total = trains ? count_steps(optimizer, items) : 0;
  const auto warmup =
      static_cast<std::int64_t>(std::ceil(optimizer.warmup_ratio * static_cast<double>(total)));
  return {optimizer.schedule, warmup, total};
}

std::vector<AdamW::Group> make_groups(const Trial& trial, const Adapter& adapter,
                                      const Head& head) {
  return {{adapter.trained(), trial.optimizer.learning_rate},
          {head.trained(), trial.optimizer.head_learning_rate}};
}

AdamWSettings make_settings(const OptimizerSpec& optimizer) {
  return {optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.weight_decay,
          optimizer.max_grad_norm};
}

Status check_split(const Model& model, const Split& split, const char* name) {
  for (std::int64_t i = 0; i < split.size(); ++i) {
    const std::string item = split.item_ids[static_cast<std::size_t>(i)];
    if (split.length(i) == 0) {
      return invalid_argument(std::string("item ") + item + " of the " + name +
                              " split has no token; remove it from the data");
    }
    if (split.length(i) > model.info().max_positions) {
      return invalid_argument(std::string("item ") + item + " of the " + name + " split has " +
                              std::to_string(split.length(i)) + " tokens, but the base has " +
                              std::to_string(model.info().max_positions) +
                              " positions; set the task's max_length to at most that");
    }
  }
  return {};
}

// Virtual tokens and prefixes take positions too.
Status check_room(const Model& model, const Adapter& adapter, const Dataset& data) {
  const std::int64_t taken =
      adapter.virtual_tokens() + adapter.prefix_tokens() + adapter.leading_pads();
  const std::int64_t room = model.info().max_positions - taken;
  for (const Split* split : {&data.train, &data.validation, &data.test}) {
    for (std::int64_t i = 0; taken > 0 && i < split->size(); ++i) {
      if (split->length(i) <= room) continue;
      return invalid_argument(
          "item " + split->item_ids[static_cast<std::size_t>(i)] + " has " +
          std::to_string(split->length(i)) + " tokens, but beside the " + std::to_string(taken) +
          " that the method puts in front the base has " + std::to_string(room) +
          " positions; set the task's max_length to at most that");
    }
  }
  return {};
}

}  // namespace

std::int64_t head_outputs(const TaskSpec& task) {
  if (task.kind == kCausalLm) return 0;
  return task.kind == "regression" ? 1 : static_cast<std::int64_t>(task.labels.size());
}

std::int64_t count_steps(const OptimizerSpec& optimizer, std::int64_t train_items) {
  const auto per_epoch = static_cast<double>(batches_per_epoch(optimizer, train_items));
  return std::max<std::int64_t>(1, std::llround(optimizer.epochs * per_epoch));
}

Status check_data_fits(const Model& model, const Trial& trial, const Dataset& data) {
  const std::string task = "task " + trial.task.name;
  if (data.train.size() == 0 || data.test.size() == 0) {
    return invalid_argument(task + " has no items in its " +
                            (data.train.size() == 0 ? "training" : "test") +
                            " split; give data that fill all splits");
  }
  if (data.largest_id >= model.info().vocabulary) {
    return invalid_argument(task + " has the token id " + std::to_string(data.largest_id) +
                            ", but the base's vocabulary ends at " +
                            std::to_string(model.info().vocabulary - 1) +
                            "; the tokenizer and the base belong to different models");
  }
  const std::vector<std::string> metrics = metrics_of_kind(trial.task.kind);
  if (std::find(metrics.begin(), metrics.end(), trial.task.metric) == metrics.end()) {
    return invalid_argument(task + " is of the kind " + trial.task.kind +
                            ", which has no metric '" + trial.task.metric + "'; it has " +
                            join(metrics, ", "));
  }
  if (trial.task.kind != kCausalLm && head_outputs(trial.task) < 1)
    return invalid_argument(task + " has no labels");
  for (const auto& [split, name] :
       {std::pair{&data.train, "training"}, std::pair{&data.validation, "validation"},
        std::pair{&data.test, "test"}}) {
    if (Status status = check_split(model, *split, name); !status) return status;
  }
  return {};
}

Result<std::unique_ptr<Member>> Member::create(const Trial& trial,
                                               std::shared_ptr<const Model> model,
                                               std::shared_ptr<const Dataset> data) {
  if (Status status = check_data_fits(*model, trial, *data); !status) return status.error();
  auto adapter = make_adapter(trial.adapter.method, {*model, trial.adapter.parameters, trial.seed});
  if (!adapter) return adapter.error();
  if (Status status = check_room(*model, **adapter, *data); !status) return status.error();
  Head head = make_head(*model, head_outputs(trial.task), trial.seed);
  return std::unique_ptr<Member>(
      new Member(trial, std::move(model), std::move(data), std::move(*adapter), std::move(head)));
}

Member::Member(const Trial& trial, std::shared_ptr<const Model> model,
               std::shared_ptr<const Dataset> data, std::unique_ptr<Adapter> adapter, Head head)
    : trial_(trial),
      model_(std::move(model)),
      data_(std::move(data)),
      adapter_(std::move(adapter)),
      head_(std::move(head)),
      schedule_(make_schedule(trial.optimizer, data_->train.size(), !trained().empty())),
      optimizer_(make_groups(trial, *adapter_, head_), make_settings(trial.optimizer)) {}

std::vector<std::int64_t> Member::next_batch() const {
  const std::int64_t items = data_->train.size();
  const std::int64_t per_epoch = batches_per_epoch(trial_.optimizer, items);
  const std::int64_t epoch = step() / per_epoch;
  if (ordered_epoch_ != epoch) {
    order_ = epoch_order(trial_.seed, epoch, items);
    ordered_epoch_ = epoch;
  }
  const std::int64_t begin = step() % per_epoch * trial_.optimizer.batch_size;
  const std::int64_t end = std::min(items, begin + trial_.optimizer.batch_size);
  return {order_.begin() + begin, order_.begin() + end};
}

TrialSequences Member::sequences(const std::vector<std::int64_t>& batch, std::int64_t begin,
                                 std::int64_t count) const {
  TrialSequences result;
  for (std::int64_t i = begin; i < begin + count; ++i) {
    const std::int64_t item = batch[static_cast<std::size_t>(i)];
    result.sequences.push_back({data_->train.tokens(item), data_->train.types(item),
                                data_->train.padding_of(item), data_->train.prompt_of(item)});
  }
  result.hooks = adapter_.get();
  result.key = {trial_.seed, static_cast<std::uint64_t>(step()), static_cast<std::uint64_t>(begin),
                true};
  return result;
}

std::int64_t Member::loss_terms(const std::vector<std::int64_t>& batch, std::int64_t begin,
                                std::int64_t count) const {
  if (!is_language_model()) return count;
  const std::span items(batch.data() + begin, static_cast<std::size_t>(count));
  return lm_targets(data_->train, items, adapter_->virtual_tokens()).count();
}

at::Tensor Member::loss(const at::Tensor& features, const std::vector<std::int64_t>& batch,
                        std::int64_t begin, std::int64_t count) const {
  if (is_language_model()) {
    const std::span items(batch.data() + begin, static_cast<std::size_t>(count));
    return lm_loss_mean(features, model_->lm_head().of(adapter_.get()),
                        lm_targets(data_->train, items, adapter_->virtual_tokens()));
  }
  const at::Tensor logits = head_.logits(features.narrow(0, 0, count));
  std::vector<std::int64_t> labels;
  std::vector<double> targets;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto item = static_cast<std::size_t>(batch[static_cast<std::size_t>(begin + i)]);
    if (trial_.task.kind == "regression") {
      targets.push_back(data_->train.targets[item]);
    } else {
      labels.push_back(data_->train.labels[item]);
    }
  }
  if (trial_.task.kind == "regression") {
    return at::mse_loss(logits.squeeze(1), at::tensor(targets, at::kDouble).to(logits.options()));
  }
  return at::cross_entropy_loss(logits, at::tensor(labels, at::kLong).to(logits.device()));
}

std::vector<TrainedTensor> Member::trained() const {
  std::vector<TrainedTensor> tensors = adapter_->trained();
  const auto head = head_.trained();
  tensors.insert(tensors.end(), head.begin(), head.end());
  return tensors;
}

std::int64_t Member::adapter_parameters() const {
  std::int64_t count = 0;
  for (const TrainedTensor& tensor : adapter_->trained())
    count += tensor.value.numel();
  return count;
}

TensorMap Member::snapshot() const {
  TensorMap copies;
  for (const TrainedTensor& tensor : trained())
    copies[tensor.name] = tensor.value.detach().clone();
  return copies;
}

Status Member::restore(const TensorMap& snapshot) {
  for (const TrainedTensor& tensor : trained()) {
    if (Status status = copy_into(snapshot, tensor.name, tensor.value); !status) return status;
  }
  adapter_->weights_changed();
  return {};
}

}  // namespace plateau::trainer
