#include "worker/trainer/eval/evaluate.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/spec/task_kinds.h"
#include "worker/trainer/eval/metrics.h"
#include "worker/trainer/eval/split_batches.h"

namespace plateau::trainer {
namespace {

std::vector<std::vector<double>> rows_of(const at::Tensor& matrix) {
  const at::Tensor local = matrix.to(at::kCPU, at::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < local.size(0); ++i) {
    const double* begin = local.const_data_ptr<double>() + i * local.size(1);
    rows.emplace_back(begin, begin + local.size(1));
  }
  return rows;
}

std::vector<double> column_of(const std::vector<std::vector<double>>& rows) {
  std::vector<double> column;
  for (const auto& row : rows)
    column.push_back(row.front());
  return column;
}

}  // namespace

at::Tensor split_features(const Model& model, TrialHooks* hooks, const Split& split,
                          std::int64_t batch_tokens, const std::function<void()>& on_batch) {
  at::Tensor result = at::empty({split.size(), model.info().hidden}, model.info().options);
  for_each_batch(model, hooks, split, batch_tokens,
                 [&](const PackedBatch& batch, std::span<const std::int64_t> items) {
                   const at::Tensor index =
                       at::tensor(at::IntArrayRef(items.data(), items.size()), at::kLong);
                   result.index_copy_(0, index.to(result.device()),
                                      model.features(batch).narrow(0, 0, index.size(0)));
                   if (on_batch) on_batch();
                 });
  return result;
}

Predictions predictions_from_logits(const at::Tensor& logits, const Split& split,
                                    const TaskSpec& task) {
  const at::NoGradGuard no_grad;
  Predictions predictions;
  const at::Tensor exact = logits.detach().to(at::kCPU, at::kDouble);
  if (split.size() == 0) return predictions;
  if (task.kind == "regression") {
    predictions.scores = rows_of(exact);
    const at::Tensor targets = at::tensor(split.targets, at::kDouble);
    predictions.loss = at::mse_loss(exact.squeeze(1), targets).item<double>();
    return predictions;
  }
  predictions.scores = rows_of(at::softmax(exact, 1));
  for (const auto& row : predictions.scores) {
    predictions.classes.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
  predictions.loss =
      at::cross_entropy_loss(exact, at::tensor(split.labels, at::kLong)).item<double>();
  return predictions;
}

Predictions predictions_from_losses(const TokenLosses& losses) {
  Predictions predictions;
  for (std::size_t i = 0; i < losses.sums.size(); ++i)
    predictions.scores.push_back({losses.sums[i], static_cast<double>(losses.counts[i])});
  predictions.loss = losses.mean();
  return predictions;
}

std::map<std::string, double> compute_metrics(const Predictions& predictions, const Split& split,
                                              const TaskSpec& task) {
  if (split.size() == 0) return {};
  if (task.kind == kCausalLm) return language_metrics(predictions.loss);
  auto metrics = task.kind == "regression"
                     ? regression_metrics(split.targets, column_of(predictions.scores))
                     : classification_metrics(split.labels, predictions.classes,
                                              static_cast<std::int64_t>(task.labels.size()));
  metrics["loss"] = predictions.loss;
  return metrics;
}

std::string predictions_jsonl(const Predictions& predictions, const Split& split,
                              const TaskSpec& task) {
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(split.size()); ++i) {
    nlohmann::json line = {{"id", split.item_ids[i]}, {"scores", predictions.scores[i]}};
    if (task.kind == kCausalLm) {
      const std::vector<double>& score = predictions.scores[i];
      line["label"] = 0.0;
      line["prediction"] = score[0] / std::max(1.0, score[1]);
    } else if (task.kind == "regression") {
      line["label"] = split.targets[i];
      line["prediction"] = predictions.scores[i].front();
    } else {
      line["label"] = task.labels[static_cast<std::size_t>(split.labels[i])];
      line["prediction"] = task.labels[static_cast<std::size_t>(predictions.classes[i])];
    }
    text += line.dump() + "\n";
  }
  return text;
}

}  // namespace plateau::trainer
