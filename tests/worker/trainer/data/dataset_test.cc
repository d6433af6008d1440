#include "worker/trainer/data/dataset.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/data/task_folder.h"
#include "tests/worker/trainer/support/list.h"

namespace plateau::trainer {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class DatasetTest : public TaskFolder {
 protected:
  // Twelve items of token ids; item i has i + 1 tokens, all 100 + i.
  void write_tokens() {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      text += "{\"input_ids\":[";
      for (int j = 0; j <= i; ++j)
        text += (j == 0 ? "" : ",") + std::to_string(100 + i);
      text += "],\"label\":" + std::to_string(i % 2) + "}\n";
    }
    for (const char* const split : {"train", "validation", "test"})
      write(std::string(split) + ".jsonl", text);
  }
};

TEST_F(DatasetTest, TokenIdsNeedNoTokenizer) {
  write_tokens();
  const auto dataset = load_dataset(task_, folder_ / "no-base");
  ASSERT_TRUE(dataset) << dataset.error().message;
  const Split& train = (*dataset)->train;
  ASSERT_EQ(train.size(), 12);
  EXPECT_THAT(list(train.tokens(0)), ElementsAre(100));
  EXPECT_THAT(list(train.tokens(2)), ElementsAre(102, 102, 102));
  EXPECT_THAT(list(train.types(2)), ElementsAre(0, 0, 0));
  EXPECT_EQ(train.length(11), 12);
  EXPECT_EQ(train.labels[3], 1);
  EXPECT_EQ(train.item_ids[3], "train:4");
  EXPECT_TRUE(train.targets.empty());
  EXPECT_EQ((*dataset)->largest_id, 111);
  EXPECT_THAT((*dataset)->notes, Contains(HasSubstr("6.5 tokens an item on average; 0.0 %")));
}

TEST_F(DatasetTest, TokenIdsOverTheLimitAreRefused) {
  write_tokens();
  task_.max_length = 5;
  const auto dataset = load_dataset(task_, folder_);
  ASSERT_FALSE(dataset);
  EXPECT_THAT(dataset.error().message, HasSubstr("brings 6 token ids, over the limit of 5"));
}

TEST_F(DatasetTest, RegressionHasTargets) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += "{\"input_ids\":[" + std::to_string(i) + "],\"label\":" + std::to_string(i) + ".5}\n";
  write("train.jsonl", text);
  task_.kind = "regression";
  task_.labels = {};
  const auto dataset = load_dataset(task_, folder_);
  ASSERT_TRUE(dataset) << dataset.error().message;
  const Split& train = (*dataset)->train;
  ASSERT_EQ(train.size(), 16);
  EXPECT_TRUE(train.labels.empty());
  EXPECT_EQ(train.targets[0], train.tokens(0)[0] + 0.5);
}

TEST_F(DatasetTest, TheSameTaskIsReadOnce) {
  write_tokens();
  const auto first = load_dataset(task_, folder_);
  ASSERT_TRUE(first);
  std::filesystem::remove(folder_ / "train.jsonl");
  const auto again = load_dataset(task_, folder_);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->get(), again->get());
  task_.split_seed = 9;  // another task: the file is asked for, and missing
  EXPECT_FALSE(load_dataset(task_, folder_));
}

#ifdef PLATEAU_WITH_ICU
class TextDataset : public DatasetTest {
 protected:
  void SetUp() override {
    DatasetTest::SetUp();
    write("base/tokenizer.json", R"({
      "added_tokens": [{"id": 9, "content": "[PAD]", "special": true, "normalized": false}],
      "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": null,
      "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
      "model": {"type": "WordPiece", "unk_token": "[UNK]",
                "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "w": 4, "[PAD]": 9}}})");
    for (const char* const split : {"train", "validation", "test"})
      write(std::string(split) + ".jsonl", rows(6, "w"));
  }
};

TEST_F(TextDataset, TextsAreTokenised) {
  const auto dataset = load_dataset(task_, folder_ / "base");
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_THAT(list((*dataset)->train.tokens(0)), ElementsAre(2, 4, 1, 3));
  EXPECT_EQ((*dataset)->pad_id, 9);
  EXPECT_EQ((*dataset)->truncated, 0);
}

TEST_F(TextDataset, LongTextsAreCutAndCounted) {
  task_.max_length = 3;
  const auto dataset = load_dataset(task_, folder_ / "base");
  ASSERT_TRUE(dataset);
  EXPECT_THAT(list((*dataset)->train.tokens(0)), ElementsAre(2, 4, 3));
  EXPECT_EQ((*dataset)->truncated, 18);
  EXPECT_THAT((*dataset)->notes, Contains(HasSubstr("100.0 % of the items cut to 3 tokens")));
}

TEST_F(TextDataset, AnotherTokenizerIsAnotherDataset) {
  const auto first = load_dataset(task_, folder_ / "base");
  ASSERT_TRUE(first);
  std::string text = *read_file(folder_ / "base/tokenizer.json");
  text.replace(text.find("\"w\": 4"), 6, "\"w\": 7");
  write("other/tokenizer.json", text);
  const auto other = load_dataset(task_, folder_ / "other");
  ASSERT_TRUE(other);
  EXPECT_THAT(list((*other)->train.tokens(0)), ElementsAre(2, 7, 1, 3));
}

TEST_F(TextDataset, BaseWithoutTokenizer) {
  const auto dataset = load_dataset(task_, folder_ / "nothing");
  ASSERT_FALSE(dataset);
  EXPECT_EQ(dataset.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(dataset.error().message, HasSubstr("no tokenizer.json"));
}
#else
TEST_F(DatasetTest, TextsNeedATokenizer) {
  for (const char* const split : {"train", "validation", "test"})
    write(std::string(split) + ".jsonl", rows(6, "w"));
  const auto dataset = load_dataset(task_, folder_);
  ASSERT_FALSE(dataset);
  EXPECT_THAT(dataset.error().message, HasSubstr("built without ICU"));
}
#endif

TEST(EpochOrder, APermutationThatSeedAndEpochDecide) {
  const std::vector<std::int64_t> order = epoch_order(1, 0, 100);
  EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 100U);
  EXPECT_EQ(*std::max_element(order.begin(), order.end()), 99);
  EXPECT_EQ(epoch_order(1, 0, 100), order);
  EXPECT_NE(epoch_order(1, 1, 100), order);
  EXPECT_NE(epoch_order(2, 0, 100), order);
  EXPECT_TRUE(epoch_order(1, 0, 0).empty());
}

// Written down: resumed and repeated runs must see the data in the same order for ever.
TEST(EpochOrder, IsPinned) {
  EXPECT_THAT(epoch_order(0, 0, 6), ElementsAre(3, 5, 2, 0, 4, 1));
}

}  // namespace
}  // namespace plateau::trainer
