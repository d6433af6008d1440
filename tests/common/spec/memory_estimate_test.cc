#include "common/spec/memory_estimate.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

BaseSource base() {
  BaseSource source;
  source.facts.model_type = "bert";
  source.facts.layers = 6;
  source.facts.hidden = 384;
  source.facts.intermediate = 1536;
  source.facts.heads = 12;
  source.facts.vocabulary = 30522;
  source.facts.max_positions = 512;
  source.facts.token_types = 2;
  return source;
}

Trial trial() {
  Trial one;
  one.adapter.method = "bitfit";
  one.task.labels = {"no", "yes"};
  one.task.max_length = 64;
  one.optimizer.batch_size = 16;
  return one;
}

MemoryEstimate estimate(const Trial& one, double mean_tokens = 0) {
  TaskSource task;
  task.mean_tokens = mean_tokens;
  return estimate_memory(one, base(), task);
}

TEST(MemoryEstimate, the_base_counts_by_its_precision) {
  Trial one = trial();
  const double in_float32 = estimate(one).base;
  EXPECT_NEAR(in_float32, 4 * 22.6e6, 1.5e6);
  one.protocol.precision = "bfloat16";
  EXPECT_DOUBLE_EQ(estimate(one).base, in_float32 / 2);
  one.protocol.precision = "float64";
  EXPECT_DOUBLE_EQ(estimate(one).base, in_float32 * 2);
}

TEST(MemoryEstimate, activations_grow_with_what_is_in_a_micro_batch) {
  Trial one = trial();
  const double whole = estimate(one).activations;
  // 6 layers, 4,608 elements of 4 bytes a token, 16 texts of 64 tokens.
  EXPECT_DOUBLE_EQ(whole, 6.0 * 4608 * 4 * 16 * 64);
  one.micro_batch_size = 4;
  EXPECT_DOUBLE_EQ(estimate(one).activations, whole / 4);
  one.micro_batch_size = 64;  // More than the batch is the batch.
  EXPECT_DOUBLE_EQ(estimate(one).activations, whole);
  one.recompute_activations = true;
  EXPECT_LT(estimate(one).activations, whole / 3);
}

TEST(MemoryEstimate, short_texts_take_less_and_none_is_longer_than_max_length) {
  EXPECT_DOUBLE_EQ(estimate(trial(), 16).activations, estimate(trial()).activations * 24 / 64);
  EXPECT_DOUBLE_EQ(estimate(trial(), 500).activations, estimate(trial()).activations);
}

TEST(MemoryEstimate, what_is_trained_has_a_gradient_and_two_moments) {
  Trial one = trial();
  const Result<ParameterCounts> counts = count_parameters(base().facts, one);
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_DOUBLE_EQ(estimate(one).trained,
                   16.0 * static_cast<double>(counts->adapter + counts->head));
  one.adapter.method = "probe";
  EXPECT_EQ(estimate(one).trained, 0);
  EXPECT_EQ(estimate(one).activations, 0);
}

}  // namespace
}  // namespace plateau
