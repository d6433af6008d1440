// What every method must pass, on every family where it is defined. A new method is a new row in
// kMethods; a new family a new entry of families().
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "common/base/file.h"
#include "common/spec/methods.h"
#include "common/spec/parameters.h"
#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/adapters/merge.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/checkpoint/checkpoint.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::distance;
using testing::families;
using testing::Family;
using testing::family_data;
using testing::family_model;
using testing::family_trial;
using testing::fresh_folder;
using testing::tiny_bert;
using testing::tiny_member;

struct Row {
  const char* method;
  std::int64_t parameters;  // on tiny BERT with mean pooling, at rank (or virtual tokens) 3
  bool merges = true;
  std::set<std::string> undefined_on = {};  // families
};
constexpr std::int64_t kRank = 3;

// tiny BERT: 2 layers of 4 matrices 16 x 16, one 24 x 16 and one 16 x 24.
const Row kMethods[] = {
    {"lora", 2 * 3 * (4 * 32 + 2 * 40)},
    {"qlora", 2 * 3 * (4 * 32 + 2 * 40)},
    {"dora", 2 * 3 * (4 * 32 + 2 * 40) + 2 * (4 * 16 + 24 + 16)},
    {"loreft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"noreft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"direft", 4 * (16 * 3 + 16 * 3 + 3), false},
    {"ia3", 2 * (16 + 16 + 16 + 24)},
    {"houlsby", 4 * (16 * 3 + 3 + 3 * 16 + 16), false},
    {"pfeiffer", 2 * (16 * 3 + 3 + 3 * 16 + 16), false},
    {"prompt", 3 * 16, false},
    {"prefix", 3 * 2 * 2 * 16, false, {"roberta"}},  // PEFT cannot run it there either
    // Llama has no biases.
    {"bitfit", 16 + 2 * (4 * 16 + 16 + 24 + 16 + 16), true, {"llama", "llama_lm"}},
    {"layer_norm", 5 * 32},
    {"last_layers", 4 * (16 * 16 + 16) + 2 * (16 * 24) + 24 + 16 + 2 * 32},
    {"full", (40 + 32 + 2) * 16 + 32 + 2 * (4 * (16 * 16 + 16) + 2 * (16 * 24) + 24 + 16 + 64)},
    {"none", 0, true, {"gpt2_lm", "llama_lm"}},  // nothing is trained: see the tests of job.cc
};

struct Case {
  Row row;
  Family family;
};

// Regression is another loss behind the same model: three kinds of methods will do.
bool is_asked_for(const Row& row, const Family& family) {
  const bool is_other_loss = family.kind != "classification";
  return !is_other_loss || std::set<std::string>{"lora", "full", "none"}.contains(row.method);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Family& family : families()) {
    for (const Row& row : kMethods) {
      if (!row.undefined_on.contains(family.name) && is_asked_for(row, family))
        cases.push_back({row, family});
    }
  }
  return cases;
}

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.row.method << " on " << one.family.name;
}

// The softmax ignores a key bias: its gradient is zero but for rounding, which Adam blows up. The
// same tensors without it; GPT-2's stands in the middle of a fused one.
TensorMap without_key_biases(const TensorMap& tensors) {
  TensorMap kept;
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with("attention.self.key.bias")) continue;
    const std::int64_t third = tensor.size(0) / 3;
    kept[name] = name.ends_with("attn.c_attn.bias")
                     ? at::cat({tensor.narrow(0, 0, third), tensor.narrow(0, 2 * third, third)})
                     : tensor;
  }
  return kept;
}

class Battery : public ::testing::TestWithParam<Case> {
 protected:
  static const std::string& family() { return GetParam().family.name; }
  static const char* method() { return GetParam().row.method; }
  static bool is_language_model() { return GetParam().family.is_language_model(); }
  // QLoRA's is in four bits.
  static std::shared_ptr<const Model> model_of_family() {
    return family_model(GetParam().family, at::kDouble, storage());
  }
  static Storage storage() { return is_quantized() ? Storage::kNf4 : Storage::kAsInFile; }
  static bool is_quantized() { return std::string(method()) == "qlora"; }
  static Trial trial(std::uint64_t seed = 21, const char* of = nullptr) {
    return family_trial(GetParam().family, of == nullptr ? method() : of, kRank, seed);
  }
  static std::unique_ptr<Member> fresh_member(std::uint64_t seed = 21) {
    return tiny_member(trial(seed), model_of_family(), family_data(GetParam().family));
  }

  // Away from the start, where B is zero and half of the gradients vanish.
  static std::unique_ptr<Member> moved_member(const std::shared_ptr<const Model>& model) {
    auto member = tiny_member(trial(), model, family_data(GetParam().family));
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

  // Over the whole training split, without dropout.
  static double training_loss(Member& member) {
    const Split& split = member.data().train;
    if (is_language_model()) return token_losses(member.model(), &member.adapter(), split).mean();
    const at::NoGradGuard no_grad;
    const at::Tensor features = split_features(member.model(), &member.adapter(), split);
    return predictions_from_logits(member.head().logits(features), split, member.trial().task).loss;
  }

  // Whether a tensor edits rows that nothing reads: of the last block a classifier reads one end of
  // the text, and in language modelling what stands before the prompt's last token predicts none.
  static bool is_unread(const std::string& name) {
    const bool reads_all = GetParam().family.pooling == Pooling::kMean;
    if (name.find(".1.loreft") == std::string::npos || reads_all) return false;
    const bool reads_end = family() != "roberta";
    return name.find(reads_end ? "loreft_first" : "loreft_last") != std::string::npos;
  }

  // What the model says about the test split under these hooks: logits, or each text's loss.
  static at::Tensor answers(const Member& member, TrialHooks* hooks) {
    const at::NoGradGuard no_grad;
    const Split& test = member.data().test;
    if (is_language_model())
      return at::tensor(token_losses(member.model(), hooks, test).sums, at::kDouble);
    return member.head().logits(split_features(member.model(), hooks, test));
  }
  static at::Tensor answers(Member& member) { return answers(member, &member.adapter()); }

  // Features, and the gradients that they leave.
  static TensorMap traces(Member& member, const at::Tensor& features) {
    member.optimizer().zero_gradients();
    if (features.requires_grad()) torch::autograd::backward({features.sin().sum()});
    TensorMap all = {{"features", features.detach()}};
    for (const TrainedTensor& tensor : member.trained())
      if (tensor.value.grad().defined()) all[tensor.name] = tensor.value.grad().clone();
    return all;
  }

  static void expect_near(const TensorMap& some, const TensorMap& others) {
    ASSERT_EQ(some.size(), others.size());
    for (const auto& [name, tensor] : others)
      EXPECT_LE(difference(some.at(name), tensor), 1e-12 * (1 + tensor.abs().max().item<double>()))
          << name;
  }

  static double scale(Member& member) { return answers(member).abs().max().item<double>(); }

  static double difference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
  }
};

// DoRA's row norms count as constants in its gradient, so they are held still
// here as well: the check never calls weights_changed().
TEST_P(Battery, gradients_are_right_with_dropout_on) {
  const auto member = moved_member(model_of_family());
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
  auto member = fresh_member();
  if (family() == "bert") {
    EXPECT_EQ(member->adapter_parameters(), GetParam().row.parameters);
    EXPECT_EQ(member->head().parameters(), 3 * 16 + 3);
  }
  const TensorMap initial = member->snapshot();
  train(*member, 2);
  const TensorMap trained = without_key_biases(member->snapshot());
  for (const auto& [name, tensor] : without_key_biases(initial)) {
    if (is_unread(name)) continue;
    EXPECT_GT(difference(trained.at(name), tensor), 1e-6) << name;
  }
}

TEST_P(Battery, learns_the_task) {
  auto member = fresh_member();
  const double before = training_loss(*member);
  train(*member, static_cast<int>(member->steps_total()));
  EXPECT_LT(training_loss(*member), before);
}

TEST_P(Battery, saved_and_loaded_gives_the_same_answers) {
  const auto model = model_of_family();
  const auto member = moved_member(model);
  const auto folder = fresh_folder("adapter");
  ASSERT_TRUE(save_adapter(folder, member->adapter(), member->head(), "tiny"));
  auto other = tiny_member(trial(99), model, family_data(GetParam().family));
  EXPECT_GT(difference(answers(*other), answers(*member)), 1e-3);
  const Status loaded = load_adapter(folder, other->adapter(), other->head());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_LE(difference(answers(*other), answers(*member)), 1e-12);
  const auto config = nlohmann::json::parse(*read_file(folder / "adapter_config.json"));
  EXPECT_TRUE(config["peft_type"].is_string());
  EXPECT_EQ(config["inference_mode"], true);
  EXPECT_EQ(config["base_model_name_or_path"], "tiny");
  EXPECT_EQ(config["task_type"], is_language_model() ? "CAUSAL_LM" : "SEQ_CLS");
}

TEST_P(Battery, resumed_from_a_checkpoint_equals_uninterrupted) {
  const auto model = model_of_family();
  const auto data = family_data(GetParam().family);
  auto straight = tiny_member(trial(), model, data);
  auto first = tiny_member(trial(), model, data);
  auto second = tiny_member(trial(), model, data);
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
  auto member = fresh_member();
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
  const auto model = model_of_family();
  const auto data = family_data(GetParam().family);
  const auto make = [&](const char* method, std::uint64_t seed) {
    return tiny_member(trial(seed, method), model, data);
  };
  auto alone = make(method(), 21), packed = make(method(), 21);
  auto before = make("lora", 5), after = make(is_quantized() ? "layer_norm" : "full", 6),
       same = make(method(), 7);
  const TensorMap initial = alone->snapshot();
  train(*alone, 3);
  Pack pack;
  for (Member* member : {before.get(), packed.get(), after.get(), same.get()})
    pack.join(member);
  for (int i = 0; i < 3; ++i)
    pack.step();
  EXPECT_LE(distance(without_key_biases(alone->snapshot()), without_key_biases(packed->snapshot())),
            1e-12 * distance(alone->snapshot(), initial));
}

TEST_P(Battery, micro_batches_change_nothing_with_dropout_on) {
  const auto model = model_of_family();
  const auto data = family_data(GetParam().family);
  auto whole = tiny_member(trial(), model, data);
  Trial small = trial();
  small.micro_batch_size = 3;
  auto pieces = tiny_member(small, model, data);
  const TensorMap initial = whole->snapshot();
  train(*whole, 3);
  train(*pieces, 3);
  EXPECT_LE(distance(without_key_biases(whole->snapshot()), without_key_biases(pieces->snapshot())),
            1e-11 * distance(whole->snapshot(), initial));
}

TEST_P(Battery, activations_computed_again_change_nothing_with_dropout_on) {
  const auto model = model_of_family();
  const auto data = family_data(GetParam().family);
  Trial recomputing = trial();
  recomputing.recompute_activations = true;
  auto kept = tiny_member(trial(), model, data), again = tiny_member(recomputing, model, data);
  const TensorMap initial = kept->snapshot();
  train(*kept, 3);
  train(*again, 3);
  EXPECT_LE(distance(without_key_biases(kept->snapshot()), without_key_biases(again->snapshot())),
            1e-12 * distance(kept->snapshot(), initial));
}

// A classifier reads one row of a text: what the last block leaves out then moves no feature and no
// gradient. Without dropout, which draws by row.
TEST_P(Battery, rows_that_nobody_reads_are_left_out_without_a_trace) {
  const auto member = moved_member(model_of_family());
  const Model& model = member->model();
  const auto batch = member->next_batch();
  TrialSequences sequences = member->sequences(batch, 0, static_cast<std::int64_t>(batch.size()));
  sequences.key.training = false;
  const PackedBatch packed = pack_batch({&sequences, 1}, model.info().options);
  member->adapter().begin_pass();
  const TensorMap whole = traces(*member, model.pooled(model.states(packed), packed));
  member->adapter().begin_pass();
  expect_near(traces(*member, model.features(packed)), whole);
}

TEST_P(Battery, texts_that_fill_up_a_batch_leave_no_trace) {
  const auto member = moved_member(model_of_family());
  const Model& model = member->model();
  const auto batch = member->next_batch();
  const auto count = static_cast<std::int64_t>(batch.size());
  TrialSequences sequences = member->sequences(batch, 0, count);
  const std::int64_t rows = pack_batch({&sequences, 1}, model.info().options).rows();
  const auto features = [&] {
    member->adapter().begin_pass();
    const PackedBatch packed = pack_batch({&sequences, 1}, model.info().options);
    const std::int64_t own = is_language_model() ? rows : count;
    return model.features(packed).narrow(0, 0, own);
  };
  const TensorMap alone = traces(*member, features());
  fill_up(sequences, 64);
  if (member->adapter().virtual_tokens() > 0) {
    EXPECT_EQ(static_cast<std::int64_t>(sequences.sequences.size()), count);
    return;
  }
  EXPECT_EQ(pack_batch({&sequences, 1}, model.info().options).rows() % 64, 0);
  EXPECT_GT(static_cast<std::int64_t>(sequences.sequences.size()), count);
  expect_near(traces(*member, features()), alone);
}

TEST_P(Battery, merged_gives_what_the_adapter_gives) {
  const auto model = model_of_family();
  const auto member = moved_member(model);
  const auto merged = member->adapter().merged();
  ASSERT_EQ(merged.ok(), GetParam().row.merges);
  if (!merged) return;
  MergedHooks hooks(*model, *merged);
  EXPECT_LE(difference(answers(*member, &hooks), answers(*member)), 1e-12 * (1 + scale(*member)));
}

TEST_P(Battery, without_its_hooks_the_base_is_what_it_was) {
  const auto model = model_of_family();
  const auto data = family_data(GetParam().family);
  const Split& test = data->test;
  const auto features = [&](TrialHooks* hooks) {
    if (is_language_model()) return at::tensor(token_losses(*model, hooks, test).sums, at::kDouble);
    return split_features(*model, hooks, test);
  };
  const at::Tensor before = features(nullptr);
  const auto member = moved_member(model);
  EXPECT_TRUE(features(nullptr).equal(before));
  EXPECT_EQ(features(&member->adapter()).equal(before), std::string(method()) == "none");
}

TEST_P(Battery, is_counted_from_the_architecture_alone_as_it_is_trained) {
  std::vector<Pooling> poolings = {GetParam().family.pooling};
  if (family() == "bert") poolings.push_back(Pooling::kCls);
  for (const Pooling pooling : poolings) {
    Family with = GetParam().family;
    with.pooling = pooling;
    const Trial one = family_trial(with, method(), kRank, 21);
    const auto member =
        tiny_member(one, family_model(with, at::kDouble, storage()), family_data(with));
    const auto counts = count_parameters(with.facts, one);
    ASSERT_TRUE(counts) << counts.error().message;
    EXPECT_EQ(counts->adapter, member->adapter_parameters());
    EXPECT_EQ(counts->head, member->head().parameters());
    EXPECT_EQ(counts->base, member->model().info().parameters);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Battery, ::testing::ValuesIn(all_cases()), [](const auto& one) {
  return std::string(one.param.row.method) + "_on_" + one.param.family.name;
});

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
