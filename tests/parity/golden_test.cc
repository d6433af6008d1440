// Agreement with PEFT and pyreft to rounding, on their own recorded runs.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/parity/golden_case.h"

namespace plateau::trainer {
namespace {

struct Case {
  const char* model;
  const char* method;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.model << "/" << c.method;
}

class Golden : public ::testing::TestWithParam<Case> {};

std::int64_t numel(const TensorMap& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors)
    count += tensor.numel();
  return count;
}

// The difference to the reference's final weights over the norm of the reference's whole change.
double relative_difference(const GoldenRun& run, const TensorMap& expected) {
  double difference = 0.0, change = 0.0;
  for (const auto& [name, tensor] : expected) {
    difference += (run.final.at(name) - tensor).to(at::kDouble).square().sum().item<double>();
    change += (run.initial.at(name) - tensor).to(at::kDouble).square().sum().item<double>();
  }
  return std::sqrt(difference / change);
}

// Cases without stored weights give each tensor's sum and L2 norm.
void expect_checksums(const GoldenRun& run) {
  for (const auto& [name, sums] : run.expected.at("final_checksums").items()) {
    std::string ours = name;
    for (const std::string cut : {"base_model.model.", ".default", ".modules_to_save"}) {
      if (const auto at = ours.find(cut); at != std::string::npos) ours.erase(at, cut.size());
    }
    if (ours.ends_with("lora_magnitude_vector.weight")) ours.resize(ours.size() - 7);
    if (!run.final.contains(ours)) {
      ADD_FAILURE() << "no trained tensor for " << name;
      continue;
    }
    const at::Tensor tensor = run.final.at(ours).to(at::kDouble);
    const double norm = sums[1].get<double>();
    EXPECT_NEAR(tensor.norm().item<double>(), norm, 1e-4 * norm) << name;
  }
}

TEST_P(Golden, agrees_with_the_reference) {
  const auto [model, method] = GetParam();
  if (!golden_folder()) GTEST_SKIP() << "the reference cases (shared/golden) are not here";
  if (!golden_model(model)) GTEST_SKIP() << "the weights of " << model << " are not in the cache";
  auto result = run_golden_case(model, method);
  ASSERT_TRUE(result) << result.error().message;
  GoldenRun& run = *result;

  EXPECT_EQ(numel(run.initial), run.expected.at("trainable_params").get<std::int64_t>());
  const auto logits =
      read_tensors(*golden_folder() / "cases" / model / method / "logits.safetensors");
  ASSERT_TRUE(logits) << logits.error().message;
  EXPECT_LE((run.logits_before - logits->at("logits_before")).abs().max().item<double>(), 1e-4);
  EXPECT_LE((run.logits_after - logits->at("logits_after")).abs().max().item<double>(), 1e-4);
  const double loss_tolerance = std::string(model) == "minilm" ? 1e-4 : 1e-5;
  const auto losses = run.expected.at("losses").get<std::vector<double>>();
  ASSERT_EQ(run.losses.size(), losses.size());
  // A loss near zero is one minus a probability near one, which float32 knows to 1.2e-7.
  for (std::size_t i = 0; i < losses.size(); ++i)
    EXPECT_NEAR(run.losses[i], losses[i], loss_tolerance * losses[i] + 1.2e-7) << "step " << i;
  const auto norms = run.expected.at("grad_norms").get<std::vector<double>>();
  for (std::size_t i = 0; i < norms.size(); ++i)
    EXPECT_NEAR(run.gradient_norms[i], norms[i], 1e-4 * norms[i]) << "step " << i;

  const auto expected = expected_final(model, method, run);
  ASSERT_TRUE(expected) << expected.error().message;
  if (expected->empty()) {
    expect_checksums(run);
    return;
  }
  EXPECT_EQ(numel(*expected), numel(run.final));
  EXPECT_LE(relative_difference(run, *expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Golden,
    ::testing::Values(Case{"tiny-bert", "lora_qv"}, Case{"tiny-bert", "lora_all"},
                      Case{"tiny-bert", "rslora_all"}, Case{"tiny-bert", "dora_qv"},
                      Case{"tiny-bert", "dora_all"}, Case{"tiny-bert", "loreft_f1l1"},
                      Case{"tiny-bert", "loreft_f3l3_shared"}, Case{"minilm", "lora_qv"},
                      Case{"minilm", "lora_all_synth"}, Case{"minilm", "rslora_all_synth"},
                      Case{"minilm", "dora_all_synth"}, Case{"minilm", "loreft_f1l1_shared"}),
    [](const auto& row) {
      std::string name = std::string(row.param.model) + "_" + row.param.method;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(SynthUniform, gives_the_recorded_numbers) {
  const at::Tensor values = synth_uniform("head.weight", {2, 4}, 0.05);
  EXPECT_FLOAT_EQ(values[0][0].item<float>(), 0.022783471271395683F);
  EXPECT_FLOAT_EQ(values[1][3].item<float>(), -0.03166920691728592F);
}

}  // namespace
}  // namespace plateau::trainer
