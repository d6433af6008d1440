// What every method must pass. A new method is a new row in kMethods.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/file.h"
#include "common/spec/methods.h"
#include "common/spec/parameters.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/merge.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/checkpoint/checkpoint.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::distance;
using testing::fresh_folder;
using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

struct Row {
  const char* method;
  std::int64_t parameters;  // on tiny BERT with mean pooling, at rank (or
                            // virtual tokens) 3
  bool merges = true;
};
constexpr std::int64_t kRank = 3;

// tiny BERT: 2 layers of 4 matrices 16 x 16, one 24 x 16 and one 16 x 24.
constexpr Row kMethods[] = {
    {"lora", 2 * 3 * (4 * 32 + 2 * 40)},
    {"dora", 2 * 3 * (4 * 32 + 2 * 40) + 2 * (4 * 16 + 24 + 16)},
    {"loreft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"noreft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"direft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"ia3", 2 * (16 + 16 + 16 + 24)},
    {"houlsby", 4 * (16 * 3 + 3 + 3 * 16 + 16), false},
    {"pfeiffer", 2 * (16 * 3 + 3 + 3 * 16 + 16), false},
    {"prompt", 3 * 16, false},
    {"prefix", 3 * 2 * 2 * 16, false},
    {"bitfit", 16 + 2 * (4 * 16 + 16 + 24 + 16 + 16)},
    {"layer_norm", 5 * 32},
    {"last_layers", 4 * (16 * 16 + 16) + 2 * (16 * 24) + 24 + 16 + 2 * 32},
    {"full", (40 + 32 + 2) * 16 + 32 + 2 * (4 * (16 * 16 + 16) + 2 * (16 * 24) + 24 + 16 + 64)},
    {"none", 0},
};

// The softmax ignores a key bias: its gradient is zero but for rounding.
bool has_no_gradient(const std::string& name) {
  return name.ends_with("attention.self.key.bias");
}

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.method;
}

class Battery : public ::testing::TestWithParam<Row> {
 protected:
  // Away from the start, where B is zero and half of the gradients vanish.
  static std::unique_ptr<Member> moved_member(const std::shared_ptr<const Model>& model) {
    auto member = tiny_member(tiny_trial(GetParam().method, kRank, 21), model, tiny_data());
    train(*member, 4);
    return member;
  }

  static void train(Member& member, int steps) {
    Pack pack;
    pack.join(&member);
    for (int i = 0; i < steps; ++i)
      pack.step();
  }

  static double loss_of(Member& member) {
    const auto batch = member.next_batch();
    const auto count = static_cast<std::int64_t>(batch.size());
    const TrialSequences sequences = member.sequences(batch, 0, count);
    member.adapter().begin_pass();
    const PackedBatch packed = pack_batch({&sequences, 1}, member.model().info().options);
    const at::Tensor loss = member.loss(member.model().features(packed), batch, 0, count);
    if (loss.requires_grad()) torch::autograd::backward({loss});
    return loss.item<double>();
  }

  static at::Tensor logits_of(Member& member) {
    const at::NoGradGuard no_grad;
    return member.head().logits(
        split_features(member.model(), &member.adapter(), member.data().test));
  }
};

// DoRA's row norms count as constants in its gradient, so they are held still
// here as well: the check never calls weights_changed().
TEST_P(Battery, gradients_are_right_with_dropout_on) {
  const auto member = moved_member(tiny_bert());
  member->optimizer().zero_gradients();
  loss_of(*member);
  const double h = 1e-5;
  for (const TrainedTensor& tensor : member->trained()) {
    const at::Tensor gradient = tensor.value.grad();
    ASSERT_TRUE(gradient.defined()) << tensor.name;
    const at::Tensor flat = tensor.value.detach().view(-1);
    for (std::int64_t i = 0; i < flat.numel(); i += std::max<std::int64_t>(1, flat.numel() / 5)) {
      const double value = flat[i].item<double>();
      const at::NoGradGuard no_grad;
      flat[i].fill_(value + h);
      const double above = loss_of(*member);
      flat[i].fill_(value - h);
      const double below = loss_of(*member);
      flat[i].fill_(value);
      const double numeric = (above - below) / (2 * h);
      EXPECT_NEAR(gradient.view(-1)[i].item<double>(), numeric, 1e-7 + 1e-5 * std::abs(numeric))
          << tensor.name << "[" << i << "]";
    }
  }
}

TEST_P(Battery, trains_every_tensor_of_the_stated_count) {
  auto member = tiny_member(tiny_trial(GetParam().method, kRank, 21), tiny_bert(), tiny_data());
  EXPECT_EQ(member->adapter_parameters(), GetParam().parameters);
  EXPECT_EQ(member->head().parameters(), 3 * 16 + 3);
  const TensorMap initial = member->snapshot();
  train(*member, 2);
  for (const auto& [name, tensor] : member->snapshot()) {
    if (has_no_gradient(name)) continue;
    EXPECT_GT((tensor - initial.at(name)).abs().max().item<double>(), 1e-6) << name;
  }
}

TEST_P(Battery, learns_the_task) {
  auto member = tiny_member(tiny_trial(GetParam().method, kRank, 21), tiny_bert(), tiny_data());
  Pack pack;
  pack.join(member.get());
  const double first = pack.step().front().loss;
  double last = first;
  while (!member->is_done())
    last = pack.step().front().loss;
  EXPECT_LT(last, first);
}

TEST_P(Battery, saved_and_loaded_gives_the_same_logits) {
  const auto model = tiny_bert();
  const auto member = moved_member(model);
  const auto folder = fresh_folder("adapter");
  ASSERT_TRUE(save_adapter(folder, member->adapter(), member->head(), "tiny"));
  auto other = tiny_member(tiny_trial(GetParam().method, kRank, 99), model, tiny_data());
  EXPECT_GT((logits_of(*other) - logits_of(*member)).abs().max().item<double>(), 1e-3);
  const Status loaded = load_adapter(folder, other->adapter(), other->head());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_LE((logits_of(*other) - logits_of(*member)).abs().max().item<double>(), 1e-12);
  const auto config = nlohmann::json::parse(*read_file(folder / "adapter_config.json"));
  EXPECT_TRUE(config["peft_type"].is_string());
  EXPECT_EQ(config["inference_mode"], true);
  EXPECT_EQ(config["base_model_name_or_path"], "tiny");
}

TEST_P(Battery, resumed_from_a_checkpoint_equals_uninterrupted) {
  const auto model = tiny_bert();
  const Trial trial = tiny_trial(GetParam().method, kRank, 21);
  auto straight = tiny_member(trial, model, tiny_data());
  auto first = tiny_member(trial, model, tiny_data());
  auto second = tiny_member(trial, model, tiny_data());
  train(*straight, 9);
  train(*first, 4);
  History history;
  history.train_tokens = 77;
  const auto folder = fresh_folder("run");
  const auto info = write_checkpoint(folder, *first, history);
  ASSERT_TRUE(info) << info.error().message;
  History restored;
  const Status status = read_checkpoint(info->path, *second, restored);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(restored.train_tokens, 77);
  EXPECT_EQ(second->step(), 4);
  train(*second, 5);
  const TensorMap expected = straight->snapshot();
  for (const auto& [name, tensor] : second->snapshot())
    EXPECT_TRUE(tensor.equal(expected.at(name))) << name;
}

TEST_P(Battery, weight_decay_alone_never_touches_what_must_not_decay) {
  auto member = tiny_member(tiny_trial(GetParam().method, kRank, 21), tiny_bert(), tiny_data());
  const TensorMap initial = member->snapshot();
  AdamW optimizer({{member->adapter().trained(), 0.1}}, AdamWSettings{.weight_decay = 0.5});
  optimizer.step(0.0, 1.0);
  for (const TrainedTensor& tensor : member->adapter().trained()) {
    const at::Tensor before = initial.at(tensor.name);
    const at::Tensor expected = tensor.decays ? before * 0.95 : before;
    EXPECT_TRUE(tensor.value.detach().allclose(expected, 1e-12, 1e-15)) << tensor.name;
  }
}

TEST_P(Battery, in_a_pack_gives_what_it_gives_alone) {
  const auto model = tiny_bert();
  const auto data = tiny_data();
  const auto make = [&](const char* method, std::uint64_t seed) {
    return tiny_member(tiny_trial(method, kRank, seed), model, data);
  };
  auto alone = make(GetParam().method, 21), packed = make(GetParam().method, 21);
  auto before = make("lora", 5), after = make("full", 6), same = make(GetParam().method, 7);
  const TensorMap initial = alone->snapshot();
  train(*alone, 3);
  Pack pack;
  for (Member* member : {before.get(), packed.get(), after.get(), same.get()})
    pack.join(member);
  for (int i = 0; i < 3; ++i)
    pack.step();
  TensorMap one = alone->snapshot(), other = packed->snapshot();
  std::erase_if(one, [](const auto& entry) { return has_no_gradient(entry.first); });
  EXPECT_LE(distance(one, other), 1e-12 * distance(one, initial));
}

TEST_P(Battery, merged_gives_what_the_adapter_gives) {
  const auto model = tiny_bert();
  const auto member = moved_member(model);
  const auto merged = member->adapter().merged();
  ASSERT_EQ(merged.ok(), GetParam().merges);
  if (!merged) return;
  const at::NoGradGuard no_grad;
  MergedHooks hooks(*model, *merged);
  const at::Tensor logits =
      member->head().logits(split_features(*model, &hooks, member->data().test));
  EXPECT_LE((logits - logits_of(*member)).abs().max().item<double>(), 1e-12);
}

TEST_P(Battery, without_its_hooks_the_base_is_what_it_was) {
  const auto model = tiny_bert();
  const auto data = tiny_data();
  const at::NoGradGuard no_grad;
  const at::Tensor before = split_features(*model, nullptr, data->test);
  const auto member = [&] {
    const at::AutoGradMode with_grad(true);
    return moved_member(model);
  }();
  EXPECT_TRUE(split_features(*model, nullptr, data->test).equal(before));
  const at::Tensor with = split_features(*model, &member->adapter(), data->test);
  EXPECT_EQ(with.equal(before), std::string(GetParam().method) == "none");
}

TEST_P(Battery, is_counted_from_the_architecture_alone_as_it_is_trained) {
  const BaseFacts facts{"bert", 2, 16, 24, 2, 40, 32, 2};
  for (const Pooling pooling : {Pooling::kMean, Pooling::kCls}) {
    Trial trial = tiny_trial(GetParam().method, kRank, 21);
    trial.base.pooling = pooling == Pooling::kCls ? "cls" : "mean";
    const auto member = tiny_member(trial, tiny_bert(at::kDouble, pooling), tiny_data());
    const auto counts = count_parameters(facts, trial);
    ASSERT_TRUE(counts) << counts.error().message;
    EXPECT_EQ(counts->adapter, member->adapter_parameters());
    EXPECT_EQ(counts->base, member->model().info().parameters);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Battery, ::testing::ValuesIn(kMethods),
                         [](const auto& row) { return std::string(row.param.method); });

TEST(Registry, knows_the_methods_of_the_specification) {
  std::vector<std::string> adapters;
  for (const MethodSchema& schema : method_schemas()) {
    if (!schema.is_baseline) adapters.push_back(schema.name);
  }
  EXPECT_EQ(adapter_methods(), adapters);
  std::vector<std::string> tested;
  for (const Row& row : kMethods)
    tested.emplace_back(row.method);
  EXPECT_EQ(adapter_methods(), tested) << "every method needs a row in this battery";
}

TEST(Registry, names_an_unknown_method) {
  const auto model = tiny_bert();
  const nlohmann::json parameters;
  const auto made = make_adapter("lorra", {*model, parameters, 0});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("'lorra'"), std::string::npos);
}

}  // namespace
}  // namespace plateau::trainer
