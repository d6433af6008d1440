// Tasks that model language: no label; a text, a prompt with its completion, or token ids.
#include <gmock/gmock.h>

#include "tests/worker/trainer/data/task_folder.h"
#include "tests/worker/trainer/support/list.h"
#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LanguageTask : public TaskFolder {
 protected:
  void SetUp() override {
    TaskFolder::SetUp();
    task_.kind = "causal_lm";
    task_.metric = "perplexity";
    task_.labels = {};
  }
  void write_splits(const std::string& text) {
    for (const char* const split : {"train", "validation", "test"})
      write(std::string(split) + ".jsonl", text);
  }
  std::string refusal() {
    const auto dataset = load_dataset(task_, folder_ / "base");
    return dataset ? "" : dataset.error().message;
  }
};

TEST_F(LanguageTask, token_ids_are_all_predicted_unless_labels_say_otherwise) {
  write_splits(R"({"input_ids": [5, 6, 7]})"
               "\n"
               R"({"input_ids": [5, 6, 7], "labels": [-100, -100, 7]})");
  const auto dataset = load_dataset(task_, folder_);
  ASSERT_TRUE(dataset) << dataset.error().message;
  const Split& train = (*dataset)->train;
  EXPECT_THAT(list(train.labels_of_tokens(0)), ElementsAre(5, 6, 7));
  EXPECT_THAT(list(train.labels_of_tokens(1)), ElementsAre(-100, -100, 7));
  EXPECT_TRUE(train.labels.empty());
}

TEST_F(LanguageTask, labels_that_are_other_tokens_are_refused) {
  write_splits(R"({"input_ids": [5, 6, 7], "labels": [-100, 8, 7]})");
  EXPECT_THAT(refusal(), HasSubstr("train.jsonl:1: \"labels\" is no list as long as input_ids"));
}

TEST_F(LanguageTask, classes_are_refused) {
  write_splits(R"({"input_ids": [5, 6, 7]})");
  task_.labels = {"no", "yes"};
  EXPECT_THAT(refusal(), HasSubstr("models language but lists classes"));
}

#ifdef PLATEAU_WITH_ICU
class LanguageTexts : public LanguageTask {
 protected:
  void SetUp() override {
    LanguageTask::SetUp();
    write("base/tokenizer.json", R"({
      "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"},
      "decoder": null,
      "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [2], "tokens": ["<s>"]}}},
      "model": {"type": "WordPiece", "unk_token": "[UNK]",
                "vocab": {"[UNK]": 1, "<s>": 2, "a": 4, "b": 5, "c": 6, "d": 7}}})");
  }
  // Of one row, in the training split.
  Split only(const std::string& row) {
    write_splits(row);
    const auto dataset = load_dataset(task_, folder_ / "base");
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? (*dataset)->train : Split();
  }
};

TEST_F(LanguageTexts, a_text_is_predicted_as_a_whole) {
  const Split split = only(R"({"text": "a b c"})");
  EXPECT_THAT(list(split.tokens(0)), ElementsAre(2, 4, 5, 6));
  EXPECT_THAT(list(split.labels_of_tokens(0)), ElementsAre(2, 4, 5, 6));
}

TEST_F(LanguageTexts, of_a_prompt_with_completion_the_completion_alone) {
  const Split split = only(R"({"prompt": "a b", "completion": "c d"})");
  EXPECT_THAT(list(split.tokens(0)), ElementsAre(2, 4, 5, 6, 7));
  EXPECT_THAT(list(split.labels_of_tokens(0)), ElementsAre(-100, -100, -100, 6, 7));
}

TEST_F(LanguageTexts, columns_can_have_other_names) {
  task_.columns = {{"prompt", "question"}, {"completion", "answer"}};
  const Split split = only(R"({"question": "a", "answer": "d", "text": "b"})");
  EXPECT_THAT(list(split.tokens(0)), ElementsAre(2, 4, 7));
  task_.columns = {{"prompt", "question"}, {"completion", "anwser"}};
  EXPECT_THAT(refusal(), HasSubstr("nearest: \"answer\""));
}

TEST_F(LanguageTexts, too_long_a_prompt_loses_its_beginning) {
  task_.max_length = 4;
  const Split split = only(R"({"prompt": "a b c", "completion": "c d"})");
  EXPECT_THAT(list(split.tokens(0)), ElementsAre(5, 6, 6, 7));
  EXPECT_THAT(list(split.labels_of_tokens(0)), ElementsAre(-100, -100, 6, 7));
}

TEST_F(LanguageTexts, too_long_a_completion_loses_its_end) {
  task_.max_length = 3;
  const Split split = only(R"({"prompt": "a", "completion": "b c d"})");
  EXPECT_THAT(list(split.tokens(0)), ElementsAre(4, 5, 6));
  EXPECT_THAT(list(split.labels_of_tokens(0)), ElementsAre(-100, 5, 6));
}
#endif

}  // namespace
}  // namespace plateau::trainer
