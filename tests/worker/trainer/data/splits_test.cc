#include "worker/trainer/data/splits.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

using testing::Contains;
using testing::HasSubstr;

TaskSpec demo(std::int64_t train, std::int64_t validation, std::int64_t test) {
  TaskSpec task;
  task.name = "demo";
  task.path = "demo.jsonl";
  task.labels = {"a", "b", "c"};
  task.train_size = train;
  task.validation_size = validation;
  task.test_size = test;
  return task;
}

// Sorted by class: 60 of a, 30 of b, 10 of c; every text occurs once.
std::vector<Row> sorted_rows(const std::string& word, std::size_t count = 100) {
  std::vector<Row> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    rows[i].id = word + std::to_string(i);
    rows[i].text = word + " " + std::to_string(i);
    rows[i].label.index = i * 10 < count * 6 ? 0 : i * 10 < count * 9 ? 1 : 2;
  }
  return rows;
}

SourceRows pooled(std::vector<Row> rows) {
  SourceRows source;
  source.source = "demo.jsonl";
  source.train = std::move(rows);
  return source;
}

std::vector<std::string> ids(const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows)
    names.push_back(row.id);
  return names;
}

std::vector<int> class_counts(const std::vector<Row>& rows) {
  std::vector<int> counts(3);
  for (const Row& row : rows)
    ++counts[static_cast<std::size_t>(row.label.index)];
  return counts;
}

std::set<std::string> texts(const std::vector<Row>& rows) {
  std::set<std::string> found;
  for (const Row& row : rows)
    found.insert(normalised_text(row.text));
  return found;
}

bool disjoint(const std::vector<Row>& a, const std::vector<Row>& b) {
  const std::set<std::string> in_a = texts(a);
  const std::set<std::string> in_b = texts(b);
  return std::none_of(in_a.begin(), in_a.end(),
                      [&](const std::string& text) { return in_b.contains(text); });
}

SplitRows split(SourceRows rows, const TaskSpec& task) {
  auto splits = make_splits(std::move(rows), task);
  EXPECT_TRUE(splits) << (splits ? "" : splits.error().message);
  return std::move(*splits);
}

TEST(Splits, StratifiedDisjointAndOfTheAskedSizes) {
  const SplitRows splits = split(pooled(sorted_rows("t")), demo(50, 10, 20));
  EXPECT_EQ(class_counts(splits.test), (std::vector<int>{12, 6, 2}));
  EXPECT_EQ(class_counts(splits.validation), (std::vector<int>{6, 3, 1}));
  EXPECT_EQ(class_counts(splits.train), (std::vector<int>{30, 15, 5}));
  EXPECT_TRUE(disjoint(splits.train, splits.test));
  EXPECT_TRUE(disjoint(splits.train, splits.validation));
  EXPECT_TRUE(disjoint(splits.validation, splits.test));
  EXPECT_THAT(splits.notes, Contains("test: 20 (12 a, 6 b, 2 c) rows"));
}

TEST(Splits, SizeZeroIsATenthATenthAndTheRest) {
  const SplitRows splits = split(pooled(sorted_rows("t")), demo(0, 0, 0));
  EXPECT_EQ(splits.test.size(), 10U);
  EXPECT_EQ(splits.validation.size(), 10U);
  EXPECT_EQ(splits.train.size(), 80U);
}

TEST(Splits, TheSplitSeedAloneDecides) {
  TaskSpec task = demo(50, 10, 20);
  const SplitRows first = split(pooled(sorted_rows("t")), task);
  const SplitRows again = split(pooled(sorted_rows("t")), task);
  EXPECT_EQ(ids(first.train), ids(again.train));
  EXPECT_EQ(ids(first.test), ids(again.test));
  task.split_seed = 1;
  EXPECT_NE(ids(split(pooled(sorted_rows("t")), task).test), ids(first.test));
}

// Written down so that no change of a compiler, a library or this code moves published splits.
TEST(Splits, TheDrawIsPinned) {
  const std::vector<Row> rows = sorted_rows("t", 10);
  std::vector<std::size_t> all{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(draw_stratified(rows, all, 5, 0), (std::vector<std::size_t>{0, 2, 4, 6, 8}));
}

TEST(Splits, TestDoesNotDependOnTheTrainSize) {
  const SplitRows small = split(pooled(sorted_rows("t")), demo(10, 10, 20));
  const SplitRows large = split(pooled(sorted_rows("t")), demo(60, 10, 20));
  EXPECT_EQ(ids(small.test), ids(large.test));
  EXPECT_EQ(ids(small.validation), ids(large.validation));
}

TEST(Splits, RepeatedTextsStayInTrain) {
  std::vector<Row> rows = sorted_rows("t");
  for (std::size_t i = 0; i < 20; ++i)
    rows[i].text = i % 2 == 0 ? "The Same" : "the  same ";
  const SplitRows splits = split(pooled(rows), demo(0, 20, 40));
  EXPECT_FALSE(texts(splits.test).contains("the same"));
  EXPECT_FALSE(texts(splits.validation).contains("the same"));
  EXPECT_TRUE(texts(splits.train).contains("the same"));
  EXPECT_EQ(splits.train.size(), 40U);
}

TEST(Splits, NoTestFileMakesValidationTheTest) {
  SourceRows source = pooled(sorted_rows("t"));
  source.validation = sorted_rows("v", 30);
  source.train[3].text = "V 4";  // also in what becomes the test
  const SplitRows splits = split(std::move(source), demo(0, 20, 0));
  EXPECT_EQ(splits.test.size(), 30U);
  EXPECT_EQ(splits.test.front().id, "v0");
  EXPECT_EQ(splits.validation.size(), 20U);
  EXPECT_EQ(splits.train.size(), 80U);
  EXPECT_TRUE(disjoint(splits.train, splits.validation));
  EXPECT_TRUE(disjoint(splits.validation, splits.test));
  EXPECT_THAT(splits.notes, Contains(HasSubstr("validation is test")));
  EXPECT_THAT(splits.notes, Contains(HasSubstr("1 texts of test are in train as well")));
}

TEST(Splits, NoValidationFileCutsItFromTrain) {
  SourceRows source = pooled(sorted_rows("t"));
  source.test = sorted_rows("e", 30);
  const SplitRows splits = split(std::move(source), demo(0, 0, 10));
  EXPECT_EQ(splits.test.size(), 10U);
  EXPECT_EQ(splits.validation.size(), 10U);
  EXPECT_EQ(splits.train.size(), 90U);
}

TEST(Splits, GivenSplitsStayAsTheyAre) {
  SourceRows source = pooled(sorted_rows("t"));
  source.validation = sorted_rows("v", 30);
  source.test = sorted_rows("e", 30);
  const SplitRows splits = split(std::move(source), demo(0, 0, 0));
  EXPECT_EQ(splits.train.size(), 100U);
  EXPECT_EQ(ids(splits.validation), ids(sorted_rows("v", 30)));
  EXPECT_EQ(ids(splits.test), ids(sorted_rows("e", 30)));
}

TEST(Splits, TooFewRows) {
  const auto error_of = [](const TaskSpec& task) {
    const auto splits = make_splits(pooled(sorted_rows("t")), task);
    EXPECT_FALSE(splits);
    return splits ? "" : splits.error().message;
  };
  EXPECT_THAT(error_of(demo(71, 10, 20)),
              HasSubstr("train_size asks for 71 rows, but 70 are there"));
  EXPECT_THAT(error_of(demo(1, 0, 101)), HasSubstr("test_size asks for 101 rows"));
  EXPECT_THAT(error_of(demo(1, 81, 20)), HasSubstr("validation_size asks for 81 rows, but 80"));
  EXPECT_THAT(error_of(demo(0, 80, 20)), HasSubstr("train_size asks for 1 rows, but 0"));
}

TEST(Splits, ClassWithoutRows) {
  TaskSpec task = demo(0, 0, 0);
  task.labels.push_back("d");
  const auto splits = make_splits(pooled(sorted_rows("t")), task);
  ASSERT_FALSE(splits);
  EXPECT_THAT(splits.error().message, HasSubstr("no row of demo.jsonl has the class \"d\""));
}

TEST(Splits, PairsAreTheSameOnlyWhenBothTextsAre) {
  std::vector<Row> rows = sorted_rows("t");
  for (Row& row : rows) {
    row.text_pair = row.text;
    row.text = "same question";
  }
  EXPECT_EQ(split(pooled(rows), demo(0, 20, 40)).test.size(), 40U);
}

}  // namespace
}  // namespace plateau::trainer
