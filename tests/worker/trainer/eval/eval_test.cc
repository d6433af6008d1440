#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/eval/metrics.h"
#include "worker/trainer/eval/probe.h"
#include "worker/trainer/eval/split_batches.h"

namespace plateau::trainer {
namespace {

using testing::tiny_bert;
using testing::tiny_data;

// Expected values computed with scikit-learn's definitions by hand.
TEST(Metrics, of_two_classes) {
  const std::vector<std::int64_t> labels = {1, 1, 1, 0, 0, 0, 0, 1};
  const std::vector<std::int64_t> guesses = {1, 1, 0, 0, 0, 1, 0, 0};
  // tp 2, fp 1, fn 2, tn 3.
  EXPECT_DOUBLE_EQ(accuracy(labels, guesses), 5.0 / 8.0);
  EXPECT_DOUBLE_EQ(f1(labels, guesses, 2), 4.0 / 7.0);
  EXPECT_NEAR(matthews(labels, guesses, 2), (2.0 * 3 - 1.0 * 2) / std::sqrt(3.0 * 4 * 4 * 5),
              1e-15);
  EXPECT_EQ(matthews({1, 0, 1}, {1, 1, 1}, 2), 0.0);
}

TEST(Metrics, of_three_classes) {
  const std::vector<std::int64_t> labels = {0, 0, 1, 1, 2, 2}, guesses = {0, 0, 1, 2, 2, 1};
  EXPECT_DOUBLE_EQ(f1(labels, guesses, 3), (1.0 + 0.5 + 0.5) / 3.0);
  EXPECT_DOUBLE_EQ(matthews(labels, guesses, 3), (4.0 * 6 - 12.0) / (36.0 - 12.0));
  EXPECT_DOUBLE_EQ(f1({0, 0}, {0, 0}, 3), 1.0 / 3.0);
}

TEST(Metrics, of_correlation) {
  EXPECT_NEAR(pearson({1, 2, 3, 4}, {2, 4, 6, 8}), 1.0, 1e-15);
  EXPECT_NEAR(pearson({1, 2, 3}, {1, 0, 2}), 0.5, 1e-15);
  EXPECT_NEAR(spearman({1, 2, 3, 4}, {1, 10, 100, 1000}), 1.0, 1e-15);
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
  EXPECT_NEAR(spearman({1, 2, 2, 5}, {1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5.0), 1e-15);
  EXPECT_EQ(pearson({1, 1, 1}, {1, 2, 3}), 0.0);
}

TEST(SplitFeatures, come_in_the_splits_order_whatever_the_batches) {
  const auto model = tiny_bert();
  const auto data = tiny_data();
  const at::Tensor all = split_features(*model, nullptr, data->test);
  const at::Tensor single = split_features(*model, nullptr, data->test, 1);
  EXPECT_FALSE(all.requires_grad());
  EXPECT_LE((all - single).abs().max().item<double>(), 1e-12);
  const TrialSequences first = [&] {
    TrialSequences sequences;
    sequences.sequences.push_back({data->test.tokens(0), data->test.types(0)});
    return sequences;
  }();
  const at::NoGradGuard no_grad;
  const at::Tensor expected = model->features(pack_batch({&first, 1}, model->info().options));
  EXPECT_LE((all[0] - expected[0]).abs().max().item<double>(), 1e-12);
}

TEST(ForEachBatch, has_few_numbers_of_rows_in_bfloat16) {
  const auto model = tiny_bert(at::kBFloat16);
  std::size_t items = 0;
  for_each_batch(*model, nullptr, tiny_data()->test, 100,
                 [&](const PackedBatch& batch, std::span<const std::int64_t> some) {
                   EXPECT_EQ(batch.rows() % 64, 0);
                   items += some.size();
                 });
  EXPECT_EQ(static_cast<std::int64_t>(items), tiny_data()->test.size());
}

TEST(Predictions, have_probabilities_labels_and_ids) {
  TaskSpec task;
  task.labels = {"no", "yes"};
  Split split;
  split.ids = {1, 2};
  split.offsets = {0, 1, 2};
  split.labels = {1, 0};
  split.item_ids = {"a", "b"};
  const at::Tensor logits = at::tensor({0.0, std::log(3.0), 0.0, std::log(3.0)}).view({2, 2});
  const Predictions predictions = predictions_from_logits(logits, split, task);
  EXPECT_EQ(predictions.classes, (std::vector<std::int64_t>{1, 1}));
  EXPECT_NEAR(predictions.scores[0][1], 0.75, 1e-7);
  const auto metrics = compute_metrics(predictions, split, task);
  EXPECT_EQ(metrics.at("accuracy"), 0.5);
  EXPECT_NEAR(metrics.at("loss"), -(std::log(0.75) + std::log(0.25)) / 2.0, 1e-7);
  const std::string lines = predictions_jsonl(predictions, split, task);
  const auto line = nlohmann::json::parse(lines.substr(lines.find('\n') + 1));
  EXPECT_EQ(line["id"], "b");
  EXPECT_EQ(line["label"], "no");
  EXPECT_EQ(line["prediction"], "yes");
}

TEST(Probe, is_at_the_minimum_of_its_objective) {
  const at::Tensor features = normal_tensor({60, 5}, 1.0, 1, at::kDouble);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 60; ++i)
    labels.push_back((features[i][0].item<double>() > 0.3) + (features[i][1].item<double>() > 0.0));
  const double l2 = 0.05;
  const LinearFit fit = fit_logistic(features, labels, 3, l2);
  EXPECT_TRUE(fit.converged);
  EXPECT_GT(fit.iterations, 3);
  const auto objective = [&](const at::Tensor& weight, const at::Tensor& bias) {
    const at::Tensor logits = at::linear(features, weight, bias);
    return at::cross_entropy_loss(logits, at::tensor(labels, at::kLong)).item<double>() +
           0.5 * l2 * weight.square().sum().item<double>();
  };
  const double best = objective(fit.weight, fit.bias);
  for (unsigned i = 0; i < 20; ++i) {
    const at::Tensor step = normal_tensor({3, 5}, 1e-3, 100 + i, at::kDouble);
    const at::Tensor lift = normal_tensor({3}, 1e-3, 200 + i, at::kDouble);
    EXPECT_GT(objective(fit.weight + step, fit.bias + lift), best);
  }
  std::int64_t right = 0;
  const at::Tensor guesses = fit.logits(features).argmax(1);
  for (std::int64_t i = 0; i < 60; ++i)
    right += guesses[i].item<std::int64_t>() == labels[static_cast<std::size_t>(i)];
  EXPECT_GT(right, 45);
}

TEST(Probe, ridge_finds_a_linear_map) {
  const at::Tensor features = normal_tensor({40, 3}, 1.0, 1, at::kDouble);
  std::vector<double> targets;
  for (std::int64_t i = 0; i < 40; ++i) {
    targets.push_back(2.0 * features[i][0].item<double>() - features[i][2].item<double>() + 0.5);
  }
  const LinearFit fit = fit_ridge(features, targets, 0.0);
  EXPECT_NEAR(fit.weight[0][0].item<double>(), 2.0, 1e-6);
  EXPECT_NEAR(fit.weight[0][1].item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(fit.weight[0][2].item<double>(), -1.0, 1e-6);
  EXPECT_NEAR(fit.bias[0].item<double>(), 0.5, 1e-6);
}

TEST(Majority, gives_the_training_splits_shares) {
  Split train;
  train.offsets = {0, 1, 2, 3, 4};
  train.labels = {2, 2, 0, 2};
  const auto logits = at::tensor(majority_logits(train, 3, false), at::kDouble);
  const at::Tensor shares = at::softmax(logits, 0);
  EXPECT_NEAR(shares[2].item<double>(), 0.75, 1e-6);
  EXPECT_NEAR(shares[1].item<double>(), 0.0, 1e-6);
  train.targets = {1.0, 2.0, 3.0, 6.0};
  EXPECT_EQ(majority_logits(train, 1, true), std::vector<double>{3.0});
}

}  // namespace
}  // namespace plateau::trainer
