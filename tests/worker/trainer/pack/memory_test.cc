// How much memory a step takes at its peak, counted in LibTorch's allocator.
#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/model/lm_loss.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::Family;
using testing::family_model;
using testing::family_trial;
using testing::tiny_member;

// Told of everything that this thread allocates while a guard on it lives.
class Meter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override {
    now_ += size;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t peak() const { return peak_; }

 private:
  std::int64_t now_ = 0, peak_ = 0;
};

template <typename Work>
std::int64_t peak_of(Work&& work) {
  const auto meter = std::make_shared<Meter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  work();
  return meter->peak();
}

constexpr std::int64_t kVocabulary = 30000, kTexts = 80, kTokens = 32;
// Every token but a text's first is predicted. In float32.
constexpr std::int64_t kLogits = kTexts * (kTokens - 1) * kVocabulary * 4;

Family large_vocabulary() {
  Family family = testing::families().back();
  family.config["vocab_size"] = kVocabulary;
  family.facts.vocabulary = kVocabulary;
  return family;
}

std::shared_ptr<const Dataset> long_texts() {
  auto data = std::make_shared<Dataset>();
  Split split;
  for (std::int64_t i = 0; i < kTexts; ++i) {
    for (std::int64_t j = 0; j < kTokens; ++j)
      split.ids.push_back(static_cast<std::int32_t>((i * 997 + j * 13) % kVocabulary));
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.item_ids.push_back(std::to_string(i));
  }
  split.type_ids.assign(split.ids.size(), 0);
  split.token_labels.assign(split.ids.begin(), split.ids.end());
  data->train = data->validation = data->test = split;
  data->largest_id = kVocabulary - 1;
  return data;
}

TEST(Memory, a_step_of_language_modelling_never_holds_its_logits) {
  const auto model = family_model(large_vocabulary(), at::kFloat);
  const auto data = long_texts();
  for (const char* method : {"lora", "full"}) {
    Trial trial = family_trial(large_vocabulary(), method, 3, 1);
    trial.protocol.precision = "float32";
    trial.optimizer.batch_size = kTexts;
    const auto member = tiny_member(trial, model, data);
    Pack pack;
    pack.join(member.get());
    const std::int64_t peak = peak_of([&] { EXPECT_FALSE(pack.step().front().diverged); });
    EXPECT_LT(peak, kLogits * 3 / 4) << method;
    EXPECT_GT(peak, kLogits / 10) << method << ": the meter sees nothing";
    std::cout << method << ": " << peak / 1000000 << " MB at the peak of a step, the logits alone "
              << kLogits / 1000000 << " MB\n";
    const std::int64_t evaluating = peak_of(
        [&] { token_losses(*model, &member->adapter(), data->validation, kTexts * kTokens); });
    EXPECT_LT(evaluating, kLogits / 4) << method;
  }
}

// The same loss in one piece takes the logits twice: what the test above would see.
TEST(Memory, the_loss_in_one_piece_does_hold_them) {
  const std::int64_t rows = kTexts * (kTokens - 1);
  const at::Tensor weight = at::rand({kVocabulary, 16});
  const at::Tensor targets = at::zeros({rows}, at::kLong);
  const auto peak = [&](std::int64_t chunk) {
    return peak_of([&] {
      const at::Tensor states = at::rand({rows, 16}).requires_grad_(true);
      lm_loss_sum(states, weight, targets, chunk);
    });
  };
  EXPECT_GT(peak(rows), 2 * kLogits);
  EXPECT_LT(peak(0), kLogits / 2);
}

}  // namespace
}  // namespace plateau::trainer
