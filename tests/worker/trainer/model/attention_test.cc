// The fused attention against the one written with differentiable operations, forward and backward.
#include "worker/trainer/model/attention.h"

#include <functional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "worker/trainer/adapters/init.h"
#include "worker/trainer/model/hooks.h"
#include "worker/trainer/model/prefix_attention.h"

namespace plateau::trainer {
namespace {

// More than one block of queries, and lengths that are no multiple of anything.
std::vector<std::int32_t> text(std::size_t length) {
  return std::vector<std::int32_t>(length, 1);
}

struct Texts {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<const TrialHooks*> hooks;  // of the trial that has the text; one a text

  PackedBatch pack(at::ScalarType dtype) const {
    std::vector<TrialSequences> trials;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      TrialSequences trial;
      trial.sequences = {Sequence{ids[i]}};
      trial.hooks = hooks.empty() ? nullptr : hooks[i];
      trials.push_back(trial);
    }
    return pack_batch(trials, at::TensorOptions().dtype(dtype));
  }
};

struct Outcome {
  at::Tensor out, gradient;
};

Outcome outcome(const at::Tensor& qkv, std::int64_t width,
                const std::function<at::Tensor(const at::Tensor&)>& function) {
  const at::Tensor input = qkv.clone().requires_grad_(true);
  const at::Tensor out = function(input);
  const at::Tensor weight = normal_tensor({qkv.size(0), width}, 1.0, 4, at::kDouble);
  torch::autograd::backward({(out.to(at::kDouble) * weight).sum()});
  return {out.detach().to(at::kDouble), input.grad().to(at::kDouble)};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

const std::vector<Texts> kPacks = {{{text(6), text(6)}, {}},
                                   {{text(6), text(2), text(3)}, {}},
                                   {{text(67), text(1), text(130)}, {}}};

TEST(Attention, fused_equals_autograd_forward_and_backward) {
  // Heads of 4, 8 and 20 columns: less than a vector, and no multiple of one.
  for (const AttentionKind kind : {AttentionKind{2, 2}, AttentionKind{4, 2, true},
                                   AttentionKind{6, 2}, AttentionKind{3, 1, true}}) {
    for (const std::int64_t width : {4, 8, 20}) {
      for (const Texts& texts : kPacks) {
        const PackedBatch batch = texts.pack(at::kDouble);
        const at::Tensor qkv = normal_tensor(
            {batch.rows(), (kind.heads + 2 * kind.key_heads) * width}, 1.0, 3, at::kDouble);
        const std::int64_t out = kind.heads * width;
        const Outcome slow = outcome(
            qkv, out, [&](const at::Tensor& x) { return attention_by_autograd(x, batch, kind); });
        for (const auto& [dtype, tolerance] :
             {std::pair{at::kDouble, 1e-12}, std::pair{at::kFloat, 2e-5}}) {
          const Outcome fast = outcome(qkv.to(dtype), out, [&](const at::Tensor& x) {
            return self_attention(x, batch, 0, kind);
          });
          EXPECT_LE(difference(fast.out, slow.out), tolerance) << kind.heads << " x " << width;
          EXPECT_LE(difference(fast.gradient, slow.gradient), 10 * tolerance)
              << kind.heads << " x " << width;
        }
      }
    }
  }
}

TEST(Attention, bfloat16_is_computed_in_float32) {
  const PackedBatch batch = kPacks[2].pack(at::kBFloat16);
  const AttentionKind kind{4, 2, true};
  const at::Tensor qkv =
      normal_tensor({batch.rows(), 8 * 16}, 1.0, 3, at::kDouble).to(at::kBFloat16);
  const auto function = [&](const at::Tensor& x) { return self_attention(x, batch, 0, kind); };
  const Outcome narrow = outcome(qkv, 64, function),
                wide = outcome(qkv.to(at::kFloat), 64, function);
  // Half a unit in the last of eight bits.
  EXPECT_LE(((narrow.out - wide.out).abs() / (wide.out.abs() + 1e-3)).max().item<double>(), 4e-3);
  EXPECT_LE(difference(narrow.gradient, wide.gradient),
            1e-2 * wide.gradient.abs().max().item<double>());
}

TEST(Attention, a_text_gives_the_same_bits_in_any_company) {
  const AttentionKind kind{4, 2, true};
  const at::Tensor rows = normal_tensor({67 + 130, 8 * 16}, 1.0, 3, at::kFloat);
  const at::NoGradGuard no_grad;
  const at::Tensor both =
      self_attention(rows, Texts{{text(67), text(130)}, {}}.pack(at::kFloat), 0, kind);
  const at::Tensor alone =
      self_attention(rows.narrow(0, 67, 130), Texts{{text(130)}, {}}.pack(at::kFloat), 0, kind);
  EXPECT_TRUE(both.narrow(0, 67, 130).equal(alone));
}

TEST(Attention, a_number_that_is_none_stays_in_its_text) {
  at::Tensor rows = normal_tensor({5 + 7, 3 * 8}, 1.0, 3, at::kFloat);
  rows[2][1] = std::numeric_limits<float>::quiet_NaN();
  const at::NoGradGuard no_grad;
  const at::Tensor out =
      self_attention(rows, Texts{{text(5), text(7)}, {}}.pack(at::kFloat), 0, {2, 2});
  EXPECT_TRUE(out.narrow(0, 0, 5).isnan().any().item<bool>());
  EXPECT_FALSE(out.narrow(0, 5, 7).isnan().any().item<bool>());
}

// Each row against the same row at the end of the text that it may see.
TEST(Attention, a_window_hides_what_is_further_back) {
  for (AttentionKind kind : {AttentionKind{2, 2, true}, AttentionKind{4, 2, true}}) {
    const Texts texts{{text(9), text(3)}, {}};
    const PackedBatch batch = texts.pack(at::kDouble);
    const at::Tensor qkv =
        normal_tensor({batch.rows(), (kind.heads + 2 * kind.key_heads) * 4}, 1.0, 3, at::kDouble);
    kind.window = 4;
    const at::NoGradGuard no_grad;
    const at::Tensor out = self_attention(qkv, batch, 0, kind);
    kind.window = 0;
    for (const auto& [begin, end] : {std::pair{0, 9}, std::pair{9, 12}}) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t first = std::max<std::int64_t>(begin, row - 3), rows = row + 1 - first;
        const Texts seen{{text(static_cast<std::size_t>(rows))}, {}};
        const at::Tensor alone =
            self_attention(qkv.narrow(0, first, rows), seen.pack(at::kDouble), 0, kind);
        EXPECT_LE(difference(out[row], alone[rows - 1]), 1e-12) << row;
      }
    }
  }
}

// Padding in front of a text that a reference library computes and nobody sees.
TEST(Attention, hidden_keys_get_neither_weight_nor_gradient) {
  const std::vector<std::int32_t> ids = text(7), whole = text(3);
  const std::vector<std::uint8_t> padding = {1, 1, 0, 0, 0, 0, 1};
  TrialSequences trial;
  trial.sequences = {Sequence{ids, {}, padding}, Sequence{whole}};
  const PackedBatch batch = pack_batch(std::vector{trial}, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor qkv = normal_tensor({batch.rows(), 24}, 1.0, 3, at::kDouble);
  const AttentionKind kind{2, 2};
  const Outcome fast =
      outcome(qkv, 8, [&](const at::Tensor& x) { return self_attention(x, batch, 0, kind); });
  const Outcome slow =
      outcome(qkv, 8, [&](const at::Tensor& x) { return attention_by_autograd(x, batch, kind); });
  EXPECT_LE(difference(fast.out, slow.out), 1e-12);
  EXPECT_LE(difference(fast.gradient, slow.gradient), 1e-12);
}

class PrefixOf : public TrialHooks {
 public:
  explicit PrefixOf(std::int64_t tokens) : tokens_(tokens) {}
  std::int64_t prefix_tokens() const override { return tokens_; }

 private:
  std::int64_t tokens_;
};

TEST(PrefixAttention, fused_equals_autograd_for_trials_with_and_without_prefixes) {
  const PrefixOf five(5), two(2);
  const Texts texts{{text(9), text(40), text(3)}, {&five, nullptr, &two}};
  const PackedBatch batch = texts.pack(at::kDouble);
  for (const AttentionKind kind : {AttentionKind{2, 2}, AttentionKind{4, 2, true}}) {
    const std::int64_t columns = kind.key_heads * 4;
    const at::Tensor qkv =
        normal_tensor({batch.rows(), (kind.heads + 2 * kind.key_heads) * 4}, 1.0, 3, at::kDouble);
    std::vector<Outcome> outcomes;
    std::vector<std::vector<at::Tensor>> prefix_gradients;
    for (auto* function : {prefix_attention, prefix_attention_by_autograd}) {
      std::vector<KeyValuePrefix> prefixes(3);
      std::vector<at::Tensor> leaves;
      for (const std::size_t share : {0U, 2U}) {
        const std::int64_t rows = batch.shares[share].prefix_tokens;
        for (auto part : {&KeyValuePrefix::keys, &KeyValuePrefix::values}) {
          leaves.push_back(normal_tensor({rows, columns}, 1.0, 20 + leaves.size(), at::kDouble)
                               .requires_grad_(true));
          prefixes[share].*part = leaves.back();
        }
      }
      outcomes.push_back(outcome(qkv, kind.heads * 4, [&](const at::Tensor& x) {
        return function(x, batch, kind, prefixes);
      }));
      prefix_gradients.emplace_back();
      for (const at::Tensor& leaf : leaves)
        prefix_gradients.back().push_back(leaf.grad());
    }
    EXPECT_LE(difference(outcomes[0].out, outcomes[1].out), 1e-12);
    EXPECT_LE(difference(outcomes[0].gradient, outcomes[1].gradient), 1e-12);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_GT(prefix_gradients[1][i].abs().max().item<double>(), 1e-3);
      EXPECT_LE(difference(prefix_gradients[0][i], prefix_gradients[1][i]), 1e-12);
    }
  }
}

// A prefix is keys and values in front: the same as rows of a longer text.
TEST(PrefixAttention, a_window_reaches_into_the_prefix_and_no_further) {
  const PrefixOf five(5), two(2);
  const Texts texts{{text(6), text(3), text(4)}, {&five, nullptr, &two}};
  const PackedBatch batch = texts.pack(at::kDouble);
  AttentionKind kind{2, 2, true};
  kind.window = 4;
  const at::Tensor qkv = normal_tensor({batch.rows(), 24}, 1.0, 3, at::kDouble);
  std::vector<KeyValuePrefix> prefixes(3);
  for (const std::size_t share : {0U, 2U}) {
    const std::int64_t rows = batch.shares[share].prefix_tokens;
    prefixes[share] = {normal_tensor({rows, 8}, 1.0, 20 + share, at::kDouble),
                       normal_tensor({rows, 8}, 1.0, 30 + share, at::kDouble)};
  }
  const at::NoGradGuard no_grad;
  const at::Tensor out = prefix_attention(qkv, batch, kind, prefixes);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t first = batch.starts[i], rows = batch.lengths[i];
    const std::int64_t front = batch.shares[i].prefix_tokens;
    at::Tensor whole = qkv.narrow(0, first, rows);
    if (front > 0) {
      const at::Tensor queries = at::zeros({front, 8}, at::kDouble);
      whole = at::cat({at::cat({queries, prefixes[i].keys, prefixes[i].values}, 1), whole});
    }
    const Texts longer{{text(static_cast<std::size_t>(front + rows))}, {}};
    const at::Tensor expected = self_attention(whole, longer.pack(at::kDouble), 0, kind);
    EXPECT_LE(difference(out.narrow(0, first, rows), expected.narrow(0, front, rows)), 1e-12) << i;
  }
}

}  // namespace
}  // namespace plateau::trainer
