// The frozen base with a template: classification by the likelihood of the classes' names.
#ifdef PLATEAU_WITH_ICU
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "tests/worker/trainer/support/list.h"
#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/data/label_prompts.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/train.h"

namespace plateau::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using testing::Family;
using testing::family_trial;
using testing::fresh_folder;

constexpr char kTokenizer[] = R"({
  "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"},
  "decoder": null, "post_processor": null,
  "model": {"type": "WordPiece", "unk_token": "[UNK]",
            "vocab": {"[UNK]": 0, "a": 1, "b": 2, "c": 3, "d": 4, "is": 5, "good": 6, "bad": 7}}})";

const Family& llama_lm() {
  return testing::families().back();
}

class Likelihood : public ::testing::Test {
 protected:
  Likelihood() : base_(write_family(llama_lm())), task_(fresh_folder("task")) {
    EXPECT_TRUE(write_file_atomically(base_ / "tokenizer.json", kTokenizer));
    for (const char* split : {"train", "validation", "test"}) {
      EXPECT_TRUE(write_file_atomically(task_ / (std::string(split) + ".jsonl"),
                                        "{\"text\": \"a b\", \"label\": \"good\"}\n"
                                        "{\"text\": \"c\", \"label\": \"bad\"}\n"
                                        "{\"text\": \"d d a\", \"label\": \"good\"}\n"));
    }
  }

  Trial trial(const std::string& form, std::int64_t shots = 0) const {
    Trial result = family_trial(testing::families().front(), "none", 2, 1);
    result.adapter.parameters = {{"template", form}};
    if (shots > 0) result.adapter.parameters["shots"] = shots;
    result.base.path = base_.string();
    result.task.path = task_.string();
    result.task.reader = "jsonl";
    result.task.labels = {"bad", "good"};
    return result;
  }

  std::filesystem::path base_, task_;
};

TEST_F(Likelihood, tries_every_class_behind_each_text) {
  const auto sets = load_label_prompts(trial("x").task, base_, {"{text} is", 0, 1});
  ASSERT_TRUE(sets) << sets.error().message;
  EXPECT_EQ(sets->test.items.size(), 3);
  EXPECT_THAT(sets->test.items.labels, ElementsAre(1, 0, 1));
  const Split& answers = sets->test.answers;
  ASSERT_EQ(answers.size(), 6);
  EXPECT_THAT(list(answers.tokens(0)), ElementsAre(1, 2, 5, 7));
  EXPECT_THAT(list(answers.tokens(1)), ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(list(answers.labels_of_tokens(1)), ElementsAre(-100, -100, -100, 6));
  EXPECT_THAT(list(answers.tokens(2)), ElementsAre(3, 5, 7));
}

TEST_F(Likelihood, shots_are_solved_training_items_that_the_seed_draws) {
  const auto prompts = [&](std::uint64_t seed) {
    const auto sets = load_label_prompts(trial("x").task, base_, {"{text} is", 2, seed});
    EXPECT_TRUE(sets) << sets.error().message;
    const auto tokens = sets->test.answers.tokens(0);
    return std::vector<std::int32_t>(tokens.begin(), tokens.end());
  };
  const auto one = prompts(1);
  EXPECT_GT(one.size(), 8U);
  EXPECT_EQ(prompts(1), one);
  bool differs = false;
  for (std::uint64_t seed = 2; seed < 8; ++seed)
    differs = differs || prompts(seed) != one;
  EXPECT_TRUE(differs);
  EXPECT_THAT(load_label_prompts(trial("x").task, base_, {"{text} is", 4, 1}).error().message,
              HasSubstr("4 shots are more than the 3 rows"));
}

TEST_F(Likelihood, a_template_without_a_text_is_refused) {
  const auto sets = load_label_prompts(trial("x").task, base_, {"It is", 0, 1});
  ASSERT_FALSE(sets);
  EXPECT_THAT(sets.error().message, HasSubstr("no {text}"));
}

TEST_F(Likelihood, the_trial_reports_the_most_likely_classes_and_trains_nothing) {
  FakeClock clock;
  std::vector<Json> messages;
  Trainer trainer({clock, [&](const Json& message) { messages.push_back(message); }, "cpu",
                   "a processor", "0.0.0"});
  Assignment asked;
  asked.trial_id = asked.attempt = 1;
  asked.trial = trial("{text} is");
  asked.folder = fresh_folder("trial");
  trainer.assign(asked);
  while (trainer.has_work())
    trainer.step();
  ASSERT_EQ(messages.back()["type"], "finished") << Json(messages).dump(1);
  const Json& result = messages.back()["result"];
  EXPECT_EQ(result["steps"], 0);
  EXPECT_EQ(result["parameters"]["head"], 0);
  // By hand: the likelihoods of both names behind each text.
  const auto model = load_model(base_, {Pooling::kTokens, at::kDouble});
  ASSERT_TRUE(model) << model.error().message;
  const auto sets = load_label_prompts(asked.trial.task, base_, {"{text} is", 0, 1});
  const TokenLosses losses = token_losses(**model, nullptr, sets->test.answers);
  std::size_t item = 0;
  for (const std::string& line : split(*read_file(asked.folder / "predictions.jsonl"), '\n')) {
    if (line.empty()) continue;
    const Json answer = Json::parse(line);
    const double bad = -losses.sums[2 * item], good = -losses.sums[2 * item + 1];
    EXPECT_EQ(answer["prediction"], good > bad ? "good" : "bad");
    EXPECT_NEAR(answer["scores"][1], 1.0 / (1.0 + std::exp(bad - good)), 1e-9);
    ++item;
  }
  EXPECT_EQ(item, 3U);
}

}  // namespace
}  // namespace plateau::trainer
#endif
