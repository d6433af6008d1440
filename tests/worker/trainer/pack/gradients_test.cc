// Which gradients a step computes: those of trained tensors, and nothing below the lowest of them.
#include <set>

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::families;
using testing::Family;
using testing::family_data;
using testing::family_model;
using testing::family_trial;
using testing::tiny_member;

// The graph under a loss.
struct Graph {
  int linears = 0;  // products with frozen matrices
  std::set<const void*> leaves;
};

Graph graph_of(const at::Tensor& loss) {
  Graph graph;
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> open = {loss.grad_fn().get()};
  while (!open.empty()) {
    torch::autograd::Node* node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->name().find("PackedLinear") != std::string::npos) ++graph.linears;
    if (const auto* leaf = dynamic_cast<torch::autograd::AccumulateGrad*>(node))
      graph.leaves.insert(leaf->variable.unsafeGetTensorImpl());
    for (const torch::autograd::Edge& edge : node->next_edges())
      open.push_back(edge.function.get());
  }
  return graph;
}

at::Tensor loss_of(Member& member) {
  const auto batch = member.next_batch();
  const auto count = static_cast<std::int64_t>(batch.size());
  const TrialSequences sequences = member.sequences(batch, 0, count);
  member.adapter().begin_pass();
  const PackedBatch packed = pack_batch({&sequences, 1}, member.model().info().options);
  return member.loss(member.model().features(packed), batch, 0, count);
}

class Gradients : public ::testing::TestWithParam<Family> {
 protected:
  std::unique_ptr<Member> member(const std::string& method, const nlohmann::json& change = {}) {
    Trial trial = family_trial(GetParam(), method, 3, 1);
    if (!change.is_null()) trial.adapter.parameters.update(change);
    return tiny_member(trial, family_model(GetParam()), family_data(GetParam()));
  }
  // Products of one block: queries, keys and values are one; so are Llama's gate and up.
  static constexpr int kBlock = 4;
};

TEST_P(Gradients, nothing_below_the_lowest_trained_layer_has_a_graph) {
  const auto upper = member("loreft", {{"layers", {1}}});
  EXPECT_EQ(graph_of(loss_of(*upper)).linears, 0) << "the last block's output is edited";
  const auto lower = member("loreft", {{"layers", {0}}});
  EXPECT_EQ(graph_of(loss_of(*lower)).linears, kBlock);
  const auto lora = member("lora", {{"layers", {1}}});
  EXPECT_EQ(graph_of(loss_of(*lora)).linears, kBlock);
  const auto both = member("lora");
  EXPECT_EQ(graph_of(loss_of(*both)).linears, 2 * kBlock);
}

TEST_P(Gradients, the_leaves_are_the_trained_tensors) {
  for (const char* method : {"lora", "ia3", "layer_norm", "houlsby"}) {
    const auto trained = member(method);
    std::set<const void*> expected;
    for (const TrainedTensor& tensor : trained->trained())
      expected.insert(tensor.value.unsafeGetTensorImpl());
    EXPECT_EQ(graph_of(loss_of(*trained)).leaves, expected) << method;
  }
}

// Sizes of the results of all matrix products while it lives.
class ProductSizes {
 public:
  ProductSizes() {
    sizes().clear();
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction&)
                                       -> std::unique_ptr<at::ObserverContext> { return nullptr; },
                                   [](const at::RecordFunction& call, at::ObserverContext*) {
                                     const std::string name = call.name();
                                     if (name != "aten::mm" && name != "aten::addmm") return;
                                     for (const c10::IValue& output : call.outputs())
                                       if (output.isTensor())
                                         sizes().insert(output.toTensor().sizes().vec());
                                   })
            .needsOutputs(true));
  }
  ~ProductSizes() { at::removeCallback(handle_); }
  ProductSizes(const ProductSizes&) = delete;
  ProductSizes& operator=(const ProductSizes&) = delete;

  static std::set<std::vector<std::int64_t>>& sizes() {
    static std::set<std::vector<std::int64_t>> all;
    return all;
  }

 private:
  at::CallbackHandle handle_;
};

// The gradient of a matrix [out, in] is a product of that size; no other product here has it.
TEST_P(Gradients, no_frozen_matrix_gets_one) {
  const auto takes_gradient_of_a_matrix = [&](const char* method) {
    const auto trained = member(method);
    const ProductSizes watch;
    Pack pack;
    pack.join(trained.get());
    pack.step();
    const auto& sizes = ProductSizes::sizes();
    EXPECT_FALSE(sizes.empty());
    return sizes.contains({24, 16}) || sizes.contains({16, 24});
  };
  EXPECT_FALSE(takes_gradient_of_a_matrix("lora"));
  EXPECT_FALSE(takes_gradient_of_a_matrix("layer_norm"));
  EXPECT_TRUE(takes_gradient_of_a_matrix("full")) << "the test sees nothing";
}

// A learning rate of 1e-5 moves numbers near 1 by less than bfloat16 can say.
TEST_P(Gradients, in_bfloat16_what_is_trained_stays_float32) {
  Trial trial = family_trial(GetParam(), "layer_norm", 3, 1);
  trial.protocol.precision = "bfloat16";
  trial.optimizer.weight_decay = 0.0;
  trial.optimizer.learning_rate = 1e-5;
  trial.optimizer.schedule = "constant";
  const auto model = family_model(GetParam(), at::kBFloat16);
  const auto trained = tiny_member(trial, model, family_data(GetParam()));
  const TensorMap initial = trained->snapshot();
  Pack pack;
  pack.join(trained.get());
  for (int i = 0; i < 3; ++i)
    pack.step();
  for (const ModelParameter& parameter : model->parameters())
    EXPECT_EQ(parameter.value.scalar_type(), at::kBFloat16);
  double largest = 0.0;
  for (const TrainedTensor& tensor : trained->adapter().trained()) {
    EXPECT_EQ(tensor.value.scalar_type(), at::kFloat) << tensor.name;
    const at::Tensor change = tensor.value.detach() - initial.at(tensor.name);
    largest = std::max(largest, change.abs().max().item<double>());
  }
  EXPECT_GT(largest, 5e-6);
  EXPECT_LT(largest, 1e-4);
  for (const auto& [name, state] : trained->optimizer().state())
    EXPECT_EQ(state.scalar_type(), at::kFloat) << name;
}

// A head's logits and its loss are float32 too: bfloat16 ends with the features.
TEST_P(Gradients, in_bfloat16_every_method_trains_in_float32) {
  const auto dense = family_model(GetParam(), at::kBFloat16);
  const auto quantized = family_model(GetParam(), at::kBFloat16, Storage::kNf4);
  for (const std::string& method : adapter_methods()) {
    const auto& model = method == "qlora" ? quantized : dense;
    const bool defined = (method != "bitfit" || GetParam().name.find("llama") != 0) &&
                         (method != "prefix" || GetParam().name != "roberta") &&
                         (method != "none" || !GetParam().is_language_model());
    if (!defined) continue;
    Trial trial = family_trial(GetParam(), method, 3, 1);
    trial.protocol.precision = "bfloat16";
    const auto trained = tiny_member(trial, model, family_data(GetParam()));
    EXPECT_EQ(loss_of(*trained).scalar_type(), at::kFloat) << method;
    Pack pack;
    pack.join(trained.get());
    const auto batch = trained->next_batch();
    const TrialSequences own =
        trained->sequences(batch, 0, static_cast<std::int64_t>(batch.size()));
    const StepResult step = pack.step().front();
    EXPECT_FALSE(step.diverged) << method;
    // What fills up the batch is not counted.
    EXPECT_EQ(step.tokens, pack_batch({&own, 1}, model->info().options).rows()) << method;
    for (const TrainedTensor& tensor : trained->trained())
      EXPECT_EQ(tensor.value.scalar_type(), at::kFloat) << method << ": " << tensor.name;
    for (const auto& [name, state] : trained->optimizer().state())
      EXPECT_EQ(state.scalar_type(), at::kFloat) << method << ": " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Gradients, ::testing::ValuesIn(families()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace plateau::trainer
