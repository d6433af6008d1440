#include <gtest/gtest.h>

#include "common/catalogue/local_source.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
using testing::TemporaryFolder;
using Names = std::vector<std::string>;

class LocalTask : public ::testing::Test {
 protected:
  Result<TaskSource> task(const Json& options = Json::object(), const std::string& name = "") {
    SourceReference reference;
    reference.name = "mine";
    reference.path = name.empty() ? folder_.path() : folder_.path() / name;
    reference.options = options;
    return local_task(reference, cache_.path());
  }
  std::string message(const Json& options = Json::object(), const std::string& name = "") {
    const Result<TaskSource> result = task(options, name);
    return result ? "" : result.error().message;
  }
  std::string at(const std::string& rest) const { return (folder_.path() / rest).string(); }

  TemporaryFolder folder_, cache_;
};

TEST_F(LocalTask, jsonl_with_one_sentence) {
  folder_.write("train.jsonl",
                "{\"sentence\": \"a\", \"label\": 1}\n\n{\"sentence\": \"b\", \"label\": 0}\n");
  folder_.write("test.jsonl", "{\"sentence\": \"c\", \"label\": 0}\n");
  const TaskSource source = task().value();
  EXPECT_EQ(source.spec.reader, "jsonl");
  EXPECT_EQ(source.spec.kind, "classification");
  EXPECT_EQ(source.spec.labels, (Names{"0", "1"}));
  EXPECT_EQ(source.spec.metric, "accuracy");
  EXPECT_EQ(source.spec.columns.at("text"), "sentence");
  EXPECT_EQ(source.train_rows, 2);
}

TEST_F(LocalTask, pairs_and_fractions) {
  folder_.write("train.jsonl",
                "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 3.8}\n"
                "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 5.0}\n");
  const TaskSource source = task().value();
  EXPECT_EQ(source.spec.kind, "regression");
  EXPECT_EQ(source.spec.metric, "pearson");
  EXPECT_EQ(source.spec.columns.at("text_pair"), "sentence2");
}

TEST_F(LocalTask, language_modelling_has_no_label) {
  const Json language = {{"kind", "causal_lm"}};
  folder_.write("train.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
  EXPECT_NE(message().find("or say `kind: causal_lm`"), std::string::npos) << message();
  const TaskSource source = task(language).value();
  EXPECT_EQ(source.spec.kind, "causal_lm");
  EXPECT_EQ(source.spec.metric, "perplexity");
  EXPECT_TRUE(source.spec.labels.empty());
  EXPECT_EQ(source.spec.columns.at("text"), "text");
  folder_.write("train.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
  EXPECT_EQ(task(language).value().spec.columns.at("completion"), "completion");
  EXPECT_NE(message({{"kind", "causal_lm"}, {"metric", "accuracy"}}).find("perplexity, loss"),
            std::string::npos);
  folder_.write("train.jsonl", "{\"prompt\": \"a\", \"answer\": \"b\"}\n");
  EXPECT_NE(message({{"kind", "causal_lm"}, {"columns", {{"completion", "anser"}}}})
                .find("Did you mean 'answer'?"),
            std::string::npos);
}

TEST_F(LocalTask, text_and_token_ids_are_found_too) {
  folder_.write("train.jsonl",
                "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n");
  EXPECT_EQ(task().value().spec.columns.at("text"), "text");
  folder_.write("train.jsonl",
                "{\"input_ids\": [1, 2], \"label\": 1}\n"
                "{\"input_ids\": [1], \"label\": 0}\n");
  EXPECT_EQ(task().value().spec.columns.count("text"), 0u);
}

TEST_F(LocalTask, named_labels_take_indices_or_names) {
  folder_.write("train.jsonl",
                "{\"sentence\": \"a\", \"label\": 1}\n{\"sentence\": \"b\", \"label\": 0}\n");
  EXPECT_EQ(task({{"labels", {"no", "yes"}}}).value().spec.labels, (Names{"no", "yes"}));
}

TEST_F(LocalTask, numbers_are_sorted_by_value_and_words_by_the_alphabet) {
  folder_.write("train.csv", "sentence,label\nx,10\ny,9\nz,2\n");
  EXPECT_EQ(task().value().spec.labels, (Names{"2", "9", "10"}));
  folder_.write("train.csv", "sentence,label\nx,pos\ny,neg\n");
  EXPECT_EQ(task().value().spec.labels, (Names{"neg", "pos"}));
}

TEST_F(LocalTask, csv_and_tsv_with_named_columns) {
  folder_.write("rows.csv", "body,kind\n\"a, b\",x\nc,y\n");
  const Json columns = {{"columns", {{"text", "body"}, {"label", "kind"}}}};
  EXPECT_EQ(task(columns, "rows.csv").value().spec.labels, (Names{"x", "y"}));
  folder_.write("rows.tsv", "body\tkind\na, b\tx\nc\ty\n");
  EXPECT_EQ(task(columns, "rows.tsv").value().spec.reader, "tsv");
}

TEST_F(LocalTask, the_checksum_is_over_the_splits) {
  folder_.write("train.csv", "sentence,label\nx,1\ny,0\n");
  const std::string before = task().value().spec.sha256;
  folder_.write("README.md", "notes");
  EXPECT_EQ(task().value().spec.sha256, before);
  folder_.write("validation.csv", "sentence,label\nx,1\n");
  EXPECT_NE(task().value().spec.sha256, before);
}

TEST_F(LocalTask, a_missing_column_is_named_with_what_there_is) {
  folder_.write("train.jsonl", "{\"sentence\": \"a\", \"lable\": 1}\n");
  EXPECT_EQ(message(), at("train.jsonl:1") +
                           " has no column 'label' for the label. Did you mean 'lable'? There are: "
                           "lable, sentence. Name yours under `columns: {text: ..., label: ...}`, "
                           "or say `kind: causal_lm`");
}

TEST_F(LocalTask, a_label_outside_the_classes_has_its_line) {
  folder_.write("train.jsonl",
                "{\"sentence\": \"a\", \"label\": 1}\n{\"sentence\": \"b\", \"label\": 2}\n");
  EXPECT_EQ(message({{"labels", {"no", "yes"}}}),
            at("train.jsonl:2") +
                " has the label '2', which is none of no, yes; name every class under `labels`");
}

TEST_F(LocalTask, a_metric_that_the_task_does_not_have) {
  folder_.write("train.csv", "sentence,label\nx,1\ny,0\n");
  EXPECT_EQ(
      message({{"metric", "pearson"}}),
      "the task mine is a classification, which has no pearson; it has accuracy, f1, matthews");
}

TEST_F(LocalTask, broken_files_name_the_line) {
  EXPECT_EQ(task().error().kind, ErrorKind::kNotFound);
  folder_.write("train.jsonl", "{\"sentence\": \"a\", \"label\": 1}\nnot json\n");
  EXPECT_EQ(message(),
            at("train.jsonl:2") + " is no JSON object; every line of a .jsonl is one row");
  folder_.write("train.jsonl", "\n");
  EXPECT_EQ(message(), at("train.jsonl") + " has no rows");
  folder_.write("train.csv", "sentence,label\nx,1,2\n");
  EXPECT_EQ(message({{"reader", "csv"}}),
            at("train.csv:2") + " has 3 fields; the first line names 2");
  folder_.write("train.csv", "sentence,label\nx,1\n");
  EXPECT_EQ(message({{"reader", "csv"}}),
            at("train.csv") +
                " has 1 different labels in 'label'; a classification has 2 to 1000. "
                "Name the right column under `columns`, or say `kind: regression`");
}

}  // namespace
}  // namespace plateau
