// What one optimizer step is the mean of, whatever pieces its batch comes in.
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::distance;
using testing::families;
using testing::Family;
using testing::family_data;
using testing::family_model;
using testing::family_trial;
using testing::tiny_member;

constexpr std::int64_t kItems = 22;  // five batches of four, and one of two
constexpr int kBatches = 6;

std::shared_ptr<const Dataset> uneven_data(const Family& family) {
  auto data = std::make_shared<Dataset>(*family_data(family));
  Split& train = data->train;
  train.offsets.resize(kItems + 1);
  const auto tokens = static_cast<std::size_t>(train.offsets.back());
  train.ids.resize(tokens);
  train.type_ids.resize(tokens);
  if (!train.token_labels.empty()) train.token_labels.resize(tokens);
  if (!train.labels.empty()) train.labels.resize(kItems);
  if (!train.targets.empty()) train.targets.resize(kItems);
  train.item_ids.resize(kItems);
  return data;
}

// How much an item counts: by its predicted tokens, counted here from the data, or as one.
double weight_of(const Member& member, std::int64_t item) {
  if (!member.is_language_model()) return 1.0;
  double predicted = 0.0;
  const auto labels = member.data().train.labels_of_tokens(item);
  for (std::size_t i = 1; i < labels.size(); ++i)
    predicted += labels[i] == -100 ? 0.0 : 1.0;
  return predicted;
}

// The loss of the coming step: each item alone, then their weighted mean.
double mean_of_items(Member& member) {
  const at::NoGradGuard no_grad;
  const auto batch = member.next_batch();
  double sum = 0.0, weights = 0.0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(batch.size()); ++i) {
    const TrialSequences sequences = member.sequences(batch, i, 1);
    member.adapter().begin_pass();
    const PackedBatch packed = pack_batch({&sequences, 1}, member.model().info().options);
    const double loss = member.loss(member.model().features(packed), batch, i, 1).item<double>();
    const double weight = weight_of(member, batch[static_cast<std::size_t>(i)]);
    sum += weight * loss;
    weights += weight;
  }
  return sum / weights;
}

class Accumulation : public ::testing::TestWithParam<Family> {
 protected:
  std::unique_ptr<Member> member(std::int64_t micro_batch_size) {
    Trial trial = family_trial(GetParam(), "lora", 3, 9);
    trial.micro_batch_size = micro_batch_size;
    return tiny_member(trial, model_, data_);
  }

  std::shared_ptr<const Model> model_ = family_model(GetParam());
  std::shared_ptr<const Dataset> data_ = uneven_data(GetParam());
};

TEST_P(Accumulation, every_piece_weighs_what_it_holds) {
  const auto whole = member(0);
  const TensorMap initial = whole->snapshot();
  std::vector<double> losses, norms;
  Pack pack;
  pack.join(whole.get());
  for (int step = 0; step < kBatches; ++step) {
    const double expected = mean_of_items(*whole);
    const StepResult result = pack.step().front();
    EXPECT_NEAR(result.loss, expected, 1e-11 * std::abs(expected)) << "step " << step;
    losses.push_back(result.loss);
    norms.push_back(result.gradient_norm);
  }
  for (const std::int64_t size : {1, 3}) {
    const auto pieces = member(size);
    Pack other;
    other.join(pieces.get());
    for (std::size_t step = 0; step < losses.size(); ++step) {
      const StepResult result = other.step().front();
      EXPECT_NEAR(result.loss, losses[step], 1e-11 * losses[step]) << size;
      EXPECT_NEAR(result.gradient_norm, norms[step], 1e-10 * norms[step]) << size;
    }
    EXPECT_LE(distance(whole->snapshot(), pieces->snapshot()),
              1e-10 * distance(whole->snapshot(), initial));
  }
}

// The second epoch begins behind the short batch, in another order.
TEST_P(Accumulation, an_epoch_ends_with_what_is_left) {
  const auto trained = member(0);
  Pack pack;
  pack.join(trained.get());
  std::vector<std::int64_t> seen;
  for (int step = 0; step < kBatches; ++step) {
    const auto batch = trained->next_batch();
    EXPECT_EQ(batch.size(), step + 1 < kBatches ? 4U : 2U);
    seen.insert(seen.end(), batch.begin(), batch.end());
    pack.step();
  }
  EXPECT_EQ(seen, epoch_order(9, 0, kItems));
  const auto next = epoch_order(9, 1, kItems);
  EXPECT_EQ(trained->next_batch(), std::vector<std::int64_t>(next.begin(), next.begin() + 4));
}

INSTANTIATE_TEST_SUITE_P(Families, Accumulation, ::testing::ValuesIn(families()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace plateau::trainer
