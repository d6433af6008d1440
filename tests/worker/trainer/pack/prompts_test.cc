// Where a text's prompt ends reaches the methods, in training as in evaluation.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::Family;

// Keeps what it is shown of the first block.
class Watch : public TrialHooks {
 public:
  std::vector<std::int64_t> edited_rows(const BlockInput& input) const override {
    if (input.layer == 0) seen_.insert(seen_.end(), input.prompts.begin(), input.prompts.end());
    return {};
  }
  std::vector<std::int64_t> seen() const { return seen_; }

 private:
  mutable std::vector<std::int64_t> seen_;
};

// Eight tokens each: nothing predicted in front of the fourth; all; none.
Split three_texts() {
  Split split;
  for (int text = 0; text < 3; ++text) {
    for (std::int32_t i = 0; i < 8; ++i) {
      split.ids.push_back(i);
      split.token_labels.push_back(text == 1 || (text == 0 && i >= 3) ? i : -100);
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.item_ids.push_back(std::to_string(text));
  }
  split.type_ids.assign(split.ids.size(), 0);
  return split;
}

TEST(Prompts, end_where_predicting_begins) {
  const Split split = three_texts();
  EXPECT_EQ(split.prompt_of(0), 3);
  EXPECT_EQ(split.prompt_of(1), 0);
  EXPECT_EQ(split.prompt_of(2), 0);
  EXPECT_EQ(testing::tiny_data()->train.prompt_of(0), 0) << "a classification has none";
}

TEST(Prompts, reach_the_methods_in_training_and_in_evaluation) {
  const Family& family = testing::families().back();
  ASSERT_TRUE(family.is_language_model());
  const auto model = family_model(family);
  auto data = std::make_shared<Dataset>(*family_data(family));
  data->train = data->validation = data->test = three_texts();
  Watch evaluating;
  token_losses(*model, &evaluating, data->test);
  EXPECT_EQ(evaluating.seen(), (std::vector<std::int64_t>{3, 8, 8}));
  const auto member = testing::tiny_member(family_trial(family, "lora", 2, 1), model, data);
  TrialSequences sequences = member->sequences({0, 1, 2}, 0, 3);
  Watch training;
  sequences.hooks = &training;
  model->states(pack_batch({&sequences, 1}, model->info().options));
  EXPECT_EQ(training.seen(), (std::vector<std::int64_t>{3, 8, 8}));
}

}  // namespace
}  // namespace plateau::trainer
