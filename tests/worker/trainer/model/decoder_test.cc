// Decoders and language modelling, on a small Llama written here.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_llama.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/lm_loss.h"
#include "worker/trainer/model/model.h"
#include "worker/trainer/model/rotary.h"

namespace plateau::trainer {
namespace {

using testing::tiny_llama_config;
using testing::write_tiny_llama;

const std::vector<std::int32_t> kLong = {5, 9, 3, 30, 2, 7}, kShort = {8, 1, 4};

std::shared_ptr<const Model> llama(Pooling pooling) {
  auto model = load_model(write_tiny_llama(), {pooling, at::kDouble});
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

at::Tensor states_of(const Model& model, const std::vector<Sequence>& sequences) {
  TrialSequences trial;
  trial.sequences = sequences;
  return model.states(pack_batch({&trial, 1}, at::kDouble));
}

TEST(Llama, a_row_depends_on_what_stands_before_it_alone) {
  const auto model = llama(Pooling::kTokens);
  std::vector<std::int32_t> changed = kLong;
  changed[4] = 11;
  const at::Tensor before = states_of(*model, {{kLong, {}}});
  const at::Tensor after = states_of(*model, {{changed, {}}});
  EXPECT_TRUE(at::allclose(before.narrow(0, 0, 4), after.narrow(0, 0, 4), 0.0, 1e-12));
  EXPECT_GT((before.narrow(0, 4, 2) - after.narrow(0, 4, 2)).abs().min().item<double>(), 1e-6);
}

TEST(Llama, a_text_in_company_gives_what_it_gives_alone) {
  const auto model = llama(Pooling::kTokens);
  const at::Tensor together = states_of(*model, {{kShort, {}}, {kLong, {}}});
  EXPECT_TRUE(at::allclose(together.narrow(0, 0, 3), states_of(*model, {{kShort, {}}}), 0, 1e-12));
  EXPECT_TRUE(at::allclose(together.narrow(0, 3, 6), states_of(*model, {{kLong, {}}}), 0, 1e-12));
}

TEST(Llama, its_classifier_reads_the_last_token) {
  const auto model = llama(Pooling::kCls);
  EXPECT_EQ(model->info().head, HeadKind::kScore);
  EXPECT_FALSE(model->lm_head().value.defined());
  TrialSequences trial;
  trial.sequences = {{kShort, {}}, {kLong, {}}};
  const PackedBatch batch = pack_batch({&trial, 1}, at::kDouble);
  const at::Tensor states = model->states(batch);
  EXPECT_TRUE(model->pooled(states, batch).equal(at::stack({states[2], states[8]})));
}

// As transformers' classifiers: a text may end in the token that pads.
TEST(Llama, its_classifier_passes_over_padding_tokens) {
  nlohmann::json config = tiny_llama_config();
  config["pad_token_id"] = 4;
  const auto model = load_model(write_tiny_llama(config), {Pooling::kCls, at::kDouble});
  ASSERT_TRUE(model) << model.error().message;
  const std::vector<std::int32_t> ends = {8, 4, 1, 4, 4}, only = {4, 4};
  TrialSequences trial;
  trial.sequences = {{kShort, {}}, {kLong, {}}, {ends, {}}, {only, {}}};
  const PackedBatch batch = pack_batch({&trial, 1}, at::kDouble);
  const at::Tensor states = (*model)->states(batch);
  EXPECT_TRUE((*model)
                  ->pooled(states, batch)
                  .equal(at::stack({states[1], states[8], states[11], states[14]})));
}

TEST(Llama, ties_its_output_embeddings_when_the_configuration_says_so) {
  const auto tied = llama(Pooling::kTokens);
  EXPECT_EQ(tied->lm_head().index, 0U);
  nlohmann::json config = tiny_llama_config();
  config["tie_word_embeddings"] = false;
  const auto untied = load_model(write_tiny_llama(config), {Pooling::kTokens, at::kDouble});
  ASSERT_FALSE(untied);
  EXPECT_NE(untied.error().message.find("lm_head.weight"), std::string::npos);
}

TEST(Llama, an_encoder_has_no_language_model) {
  const auto model = load_model(testing::write_tiny_bert(), {Pooling::kTokens, at::kDouble});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("is an encoder"), std::string::npos);
}

TEST(Rotary, scores_depend_on_the_distance_alone) {
  const at::Tensor frequencies = *rotary_frequencies(tiny_llama_config(), "config.json", 8);
  const at::Tensor x = normal_tensor({1, 8}, 1.0, 1, at::kDouble);
  const at::Tensor y = normal_tensor({1, 8}, 1.0, 2, at::kDouble);
  const auto score = [&](std::int64_t i, std::int64_t j) {
    const auto at_place = [&](std::int64_t place) {
      return rotation_at(at::tensor({place}, at::kLong), frequencies, at::kDouble);
    };
    return (rotate_front(x, 8, at_place(i)) * rotate_front(y, 8, at_place(j))).sum().item<double>();
  };
  EXPECT_NEAR(score(5, 2), score(15, 12), 1e-5);
  EXPECT_GT(std::abs(score(5, 2) - score(5, 3)), 1e-3);
}

// Written out from the formula of transformers 4.57 by hand: 1 / 10000^(2i/8), divided by 8 where
// the wavelength is long, blended between.
TEST(Rotary, scaling_changes_the_slow_frequencies) {
  nlohmann::json config = tiny_llama_config();
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 4.0}};
  const at::Tensor linear = *rotary_frequencies(config, "config.json", 8);
  EXPECT_NEAR(linear[0].item<double>(), 0.25, 1e-7);
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 64}};
  const at::Tensor scaled = *rotary_frequencies(config, "config.json", 8);
  EXPECT_NEAR(scaled[0].item<double>(), 1.0, 1e-6);          // wavelength 6.3: kept
  const double smooth = (64.0 / 62.8318530718 - 1.0) / 3.0;  // wavelength 62.8: between
  EXPECT_NEAR(scaled[1].item<double>(), (1 - smooth) * 0.1 / 8 + smooth * 0.1, 1e-7);
  EXPECT_NEAR(scaled[3].item<double>(), 0.001 / 8, 1e-9);  // wavelength 6283: divided
}

// Recorded from transformers 4.57.6 (heads of width 16).
TEST(Rotary, yarn_blends_by_pairs_and_scales_the_scores) {
  nlohmann::json config = tiny_llama_config();
  config["rope_scaling"] = {
      {"rope_type", "yarn"}, {"factor", 8.0}, {"original_max_position_embeddings", 1024}};
  const at::Tensor expected = at::tensor(
      {1.0F, 0.3162277638912201F, 0.078125F, 0.017787812277674675F, 0.0034374999813735485F,
       0.00039528473280370235F, 0.0001250000059371814F, 3.9528473280370235e-05F});
  const at::Tensor frequencies = *rotary_frequencies(config, "config.json", 16);
  EXPECT_TRUE(at::allclose(frequencies, expected, 1e-6, 0.0)) << frequencies;
  EXPECT_DOUBLE_EQ(rotary_magnitude(config), 1.2079441541679836);
  EXPECT_EQ(rotary_magnitude(tiny_llama_config()), 1.0);
  const at::Tensor first = at::tensor({0}, at::kLong);
  EXPECT_FLOAT_EQ(rotation_at(first, frequencies, at::kFloat, 1.25).cosines[0][0].item<float>(),
                  1.25F);
}

// sqrt(1 + log(factor) / log(original context)), and a divisor a frequency.
TEST(Rotary, longrope_divides_and_ends_where_its_long_factors_begin) {
  nlohmann::json config = tiny_llama_config();
  config["max_position_embeddings"] = 4096;
  config["original_max_position_embeddings"] = 1024;
  config["rope_scaling"] = {{"rope_type", "longrope"},
                            {"short_factor", {1.0, 1.0, 2.0, 4.0}},
                            {"long_factor", {1.0, 2.0, 4.0, 8.0}}};
  const at::Tensor frequencies = *rotary_frequencies(config, "config.json", 8);
  const at::Tensor expected = at::tensor({1.0F, 0.1F, 0.005F, 0.00025F});
  EXPECT_TRUE(at::allclose(frequencies, expected, 1e-6, 0.0)) << frequencies;
  EXPECT_DOUBLE_EQ(rotary_magnitude(config), std::sqrt(1.2));
  EXPECT_EQ(rotary_longest(config), 1024);
  config["rope_scaling"]["long_factor"] = config["rope_scaling"]["short_factor"];
  EXPECT_FALSE(rotary_longest(config));
  config["rope_scaling"]["short_factor"] = {1.0};
  EXPECT_EQ(rotary_frequencies(config, "config.json", 8).error().kind, ErrorKind::kCorrupt);
}

TEST(Rotary, one_object_of_transformers_5_says_the_same_as_two_keys) {
  nlohmann::json two = tiny_llama_config(), one = two;
  two["rope_theta"] = 500.0;
  one["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 500.0}};
  EXPECT_TRUE(rotary_frequencies(one, "", 8)->equal(*rotary_frequencies(two, "", 8)));
  two["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 4.0}};
  one["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 500.0}};
  EXPECT_TRUE(rotary_frequencies(one, "", 8)->equal(*rotary_frequencies(two, "", 8)));
}

TEST(Rotary, refuses_what_it_does_not_know_by_name) {
  nlohmann::json config = tiny_llama_config();
  config["rope_scaling"] = {{"rope_type", "ntk"}, {"factor", 4.0}};
  EXPECT_EQ(rotary_frequencies(config, "x/config.json", 8).error().message,
            "x/config.json: rope_scaling 'ntk' is not supported; supported: default, linear, "
            "dynamic, llama3, longrope, yarn");
  config["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}};
  EXPECT_EQ(rotary_frequencies(config, "x/config.json", 8).error().kind, ErrorKind::kCorrupt);
}

TEST(LmLoss, chunks_give_the_whole_loss_and_its_gradients) {
  const at::Tensor targets = at::tensor({3, 0, 39, 7, 7}, at::kLong);
  std::vector<at::Tensor> losses, gradients;
  for (const std::int64_t chunk : {0, 1, 2, -1}) {
    const at::Tensor states = as_leaf(normal_tensor({5, 6}, 1.0, 1, at::kDouble));
    const at::Tensor weight = as_leaf(normal_tensor({40, 6}, 1.0, 2, at::kDouble));
    const at::Tensor loss = chunk < 0 ? at::cross_entropy_loss(at::matmul(states, weight.t()),
                                                               targets, {}, at::Reduction::Sum)
                                      : lm_loss_sum(states, weight, targets, chunk);
    const auto both = torch::autograd::grad({loss * 3.0}, {states, weight});
    losses.push_back(loss.detach());
    gradients.push_back(at::cat({both[0], both[1]}));
  }
  for (std::size_t i = 0; i + 1 < losses.size(); ++i) {
    EXPECT_NEAR(losses[i].item<double>(), losses.back().item<double>(), 1e-10);
    EXPECT_TRUE(at::allclose(gradients[i], gradients.back(), 0.0, 1e-12));
  }
}

}  // namespace
}  // namespace plateau::trainer
