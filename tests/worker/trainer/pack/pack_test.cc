// The promises of pack.h.
#include "worker/trainer/pack/pack.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny.h"

namespace plateau::trainer {
namespace {

using testing::distance;
using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

// Four trials that differ in everything a pack must keep apart.
std::vector<Trial> four_trials() {
  std::vector<Trial> trials = {tiny_trial("lora", 1, 11), tiny_trial("dora", 4, 12),
                               tiny_trial("loreft", 2, 13), tiny_trial("lora", 8, 14)};
  trials[1].optimizer.learning_rate = 3e-3;
  trials[2].optimizer.max_grad_norm = 0.5;
  trials[3].optimizer.schedule = "cosine";
  trials[3].optimizer.warmup_ratio = 0.2;
  trials[3].adapter.parameters["target_modules"] = {"query", "value"};
  return trials;
}

std::vector<std::unique_ptr<Member>> members_of(const std::vector<Trial>& trials,
                                                std::shared_ptr<const Model> model) {
  std::vector<std::unique_ptr<Member>> members;
  for (const Trial& trial : trials)
    members.push_back(tiny_member(trial, model, tiny_data()));
  return members;
}

void train(const std::vector<Member*>& members, int steps) {
  Pack pack;
  for (Member* member : members)
    pack.join(member);
  for (int i = 0; i < steps; ++i)
    pack.step();
}

std::vector<Member*> pointers(const std::vector<std::unique_ptr<Member>>& members) {
  std::vector<Member*> result;
  for (const auto& member : members)
    result.push_back(member.get());
  return result;
}

TEST(Pack, of_four_gives_each_what_it_gives_alone) {
  const auto model = tiny_bert();
  const auto packed = members_of(four_trials(), model), alone = members_of(four_trials(), model);
  std::vector<TensorMap> initial;
  for (const auto& member : alone)
    initial.push_back(member->snapshot());
  train(pointers(packed), 20);
  for (const auto& member : alone)
    train({member.get()}, 20);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    const double change = distance(alone[i]->snapshot(), initial[i]);
    EXPECT_GT(change, 0.01) << "trial " << i << " did not train";
    EXPECT_LE(distance(packed[i]->snapshot(), alone[i]->snapshot()), 1e-12 * change)
        << "trial " << i;
  }
}

// How far trials in a pack end from the same trials alone, over the change that training made.
double largest_deviation(at::ScalarType dtype, const char* precision, std::int64_t micro_batch) {
  const auto model = tiny_bert(dtype);
  std::vector<Trial> trials = four_trials();
  for (Trial& trial : trials)
    trial.protocol.precision = precision;
  const auto alone = members_of(trials, model);
  for (Trial& trial : trials)
    trial.micro_batch_size = micro_batch;
  const auto packed = members_of(trials, model);
  std::vector<TensorMap> initial;
  for (const auto& member : alone) {
    initial.push_back(member->snapshot());
    train({member.get()}, 20);
  }
  if (micro_batch > 0) {  // Nothing but the batch's order of summing differs.
    for (const auto& member : packed)
      train({member.get()}, 20);
  } else {
    train(pointers(packed), 20);
  }
  double largest = 0.0;
  for (std::size_t i = 0; i < alone.size(); ++i) {
    largest = std::max(largest, distance(packed[i]->snapshot(), alone[i]->snapshot()) /
                                    distance(alone[i]->snapshot(), initial[i]));
  }
  return largest;
}

TEST(Pack, in_lower_precisions_stays_within_rounding) {
  const double single = largest_deviation(at::kFloat, "float32", 0);
  EXPECT_LE(single, 1e-3);
  const double half = largest_deviation(at::kBFloat16, "bfloat16", 0);
  const double of_order = largest_deviation(at::kBFloat16, "bfloat16", 1);
  EXPECT_LE(half, 2.0 * of_order) << "another order of a batch makes " << of_order;
  std::cout << "float32 " << single << ", bfloat16 " << half << ", its noise " << of_order << "\n";
}

TEST(Pack, order_of_members_changes_nothing) {
  const auto model = tiny_bert();
  const auto forwards = members_of(four_trials(), model);
  const auto backwards = members_of(four_trials(), model);
  train(pointers(forwards), 5);
  auto reversed = pointers(backwards);
  std::reverse(reversed.begin(), reversed.end());
  train(reversed, 5);
  for (std::size_t i = 0; i < forwards.size(); ++i)
    EXPECT_LE(distance(forwards[i]->snapshot(), backwards[i]->snapshot()), 1e-13);
}

// Both packs lose trial 1 after the third step: one by NaN in its weights, one by leaving.
TEST(Pack, a_trial_of_nan_leaves_the_others_bit_identical) {
  const auto model = tiny_bert(at::kFloat);
  for (const std::size_t poisoned : {0U, 1U, 2U}) {
    const auto sick = members_of(four_trials(), model), healthy = members_of(four_trials(), model);
    Pack with_nan, without;
    for (std::size_t i = 0; i < sick.size(); ++i) {
      with_nan.join(sick[i].get());
      without.join(healthy[i].get());
    }
    for (int i = 0; i < 2; ++i) {
      with_nan.step();
      without.step();
    }
    {
      const at::NoGradGuard no_grad;
      for (const TrainedTensor& tensor : sick[poisoned]->adapter().trained())
        tensor.value.detach().fill_(std::nan(""));
      sick[poisoned]->adapter().weights_changed();
    }
    const auto results = with_nan.step();
    EXPECT_TRUE(results[poisoned].diverged);
    EXPECT_EQ(with_nan.members().size(), 3U);
    without.step();
    without.leave(healthy[poisoned].get());
    for (int i = 0; i < 5; ++i) {
      with_nan.step();
      without.step();
    }
    for (std::size_t i = 0; i < sick.size(); ++i) {
      if (i == poisoned) continue;
      const TensorMap a = sick[i]->snapshot(), b = healthy[i]->snapshot();
      for (const auto& [name, tensor] : a)
        EXPECT_TRUE(tensor.equal(b.at(name))) << name << " with trial " << poisoned << " poisoned";
    }
  }
}

TEST(Pack, a_diverged_trial_gets_no_update_with_its_bad_gradient) {
  const auto model = tiny_bert(at::kFloat);
  auto member = tiny_member(tiny_trial("lora", 2, 1), model, tiny_data());
  const at::Tensor poisoned = member->adapter().trained().front().value.detach();
  const at::Tensor other = member->head().weight.detach();
  const at::Tensor before = other.clone();
  poisoned.fill_(HUGE_VAL);
  Pack pack;
  pack.join(member.get());
  EXPECT_TRUE(pack.step().front().diverged);
  EXPECT_TRUE(other.equal(before));
  EXPECT_EQ(member->step(), 0);
  EXPECT_TRUE(pack.empty());
}

TEST(Pack, a_huge_learning_rate_is_seen_before_the_next_forward_pass) {
  const auto model = tiny_bert(at::kFloat);
  Trial trial = tiny_trial("lora", 2, 1);
  trial.optimizer.schedule = "constant";
  trial.optimizer.learning_rate = trial.optimizer.head_learning_rate = 1e39;
  auto member = tiny_member(trial, model, tiny_data());
  Pack pack;
  pack.join(member.get());
  const StepResult result = pack.step().front();
  EXPECT_TRUE(std::isfinite(result.loss));
  EXPECT_TRUE(result.diverged);
}

TEST(Pack, members_join_and_leave_between_steps) {
  const auto model = tiny_bert();
  const auto packed = members_of(four_trials(), model), alone = members_of(four_trials(), model);
  Pack pack;
  pack.join(packed[0].get());
  pack.step();
  pack.join(packed[1].get());
  pack.step();
  pack.leave(packed[0].get());
  pack.step();
  train({alone[0].get()}, 2);
  train({alone[1].get()}, 2);
  EXPECT_EQ(packed[0]->step(), 2);
  EXPECT_EQ(packed[1]->step(), 2);
  EXPECT_LE(distance(packed[0]->snapshot(), alone[0]->snapshot()), 1e-13);
  EXPECT_LE(distance(packed[1]->snapshot(), alone[1]->snapshot()), 1e-13);
}

TEST(Pack, micro_batches_change_nothing_with_dropout_on) {
  const auto model = tiny_bert();
  for (const char* method : {"lora", "dora", "loreft"}) {
    Trial trial = tiny_trial(method, 2, 5);
    auto whole = tiny_member(trial, model, tiny_data());
    trial.micro_batch_size = 3;
    auto pieces = tiny_member(trial, model, tiny_data());
    const TensorMap initial = whole->snapshot();
    train({whole.get()}, 6);
    train({pieces.get()}, 6);
    EXPECT_LE(distance(whole->snapshot(), pieces->snapshot()),
              1e-11 * distance(whole->snapshot(), initial))
        << method;
  }
}

TEST(Member, head_and_data_order_do_not_depend_on_adapter_and_rank) {
  const auto model = tiny_bert();
  auto small = tiny_member(tiny_trial("lora", 1, 3), model, tiny_data());
  auto large = tiny_member(tiny_trial("loreft", 8, 3), model, tiny_data());
  auto other_seed = tiny_member(tiny_trial("lora", 1, 4), model, tiny_data());
  EXPECT_TRUE(small->head().weight.equal(large->head().weight));
  EXPECT_FALSE(small->head().weight.equal(other_seed->head().weight));
  EXPECT_EQ(small->next_batch(), large->next_batch());
  EXPECT_NE(small->next_batch(), other_seed->next_batch());
}

TEST(Member, counts_steps_by_epochs_and_partial_batches) {
  OptimizerSpec optimizer;
  optimizer.batch_size = 16;
  optimizer.epochs = 2.0;
  EXPECT_EQ(count_steps(optimizer, 33), 6);
  optimizer.epochs = 0.5;
  EXPECT_EQ(count_steps(optimizer, 1600), 50);
  optimizer.epochs = 0.001;
  EXPECT_EQ(count_steps(optimizer, 16), 1);
}

TEST(Member, refuses_data_that_the_base_cannot_take) {
  const auto model = tiny_bert();
  const auto with = [&](auto&& change) {
    auto data = std::make_shared<Dataset>(*tiny_data());
    change(*data);
    return Member::create(tiny_trial("lora", 1, 1), model, data);
  };
  const auto vocabulary = with([](Dataset& data) { data.largest_id = 40; });
  ASSERT_FALSE(vocabulary);
  EXPECT_NE(vocabulary.error().message.find("vocabulary ends at 39"), std::string::npos);
  const auto too_long = with([](Dataset& data) {
    data.test.ids.resize(data.test.ids.size() + 33);
    data.test.type_ids.resize(data.test.ids.size());
    data.test.offsets.back() += 33;
  });
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().message.find("32 positions"), std::string::npos);
  Trial correlated = tiny_trial("lora", 1, 1);
  correlated.task.metric = "pearson";
  EXPECT_FALSE(Member::create(correlated, model, tiny_data()));
  const auto empty = with([](Dataset& data) { data.train = {}; });
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace plateau::trainer
