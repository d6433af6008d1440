#include "worker/trainer/tasks/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TaskSpec classes(std::vector<std::string> labels) {
  TaskSpec task;
  task.name = "demo";
  task.labels = std::move(labels);
  return task;
}

TaskSpec regression() {
  TaskSpec task;
  task.kind = "regression";
  return task;
}

TEST(Labels, NamesAndIndices) {
  const LabelReader reader = *LabelReader::create(classes({"no", "yes"}));
  EXPECT_EQ(reader.read_text("yes", "f:1")->index, 1);
  EXPECT_EQ(reader.read_text("0", "f:1")->index, 0);
  EXPECT_EQ(reader.read_json(json(1), "f:1")->index, 1);
  EXPECT_EQ(reader.read_json(json(1.0), "f:1")->index, 1);
  EXPECT_EQ(reader.read_json(json(true), "f:1")->index, 1);
  EXPECT_EQ(reader.read_json(json("no"), "f:1")->index, 0);
}

TEST(Labels, NamesThatAreNumbersAreNamesOnly) {
  const LabelReader reader = *LabelReader::create(classes({"1", "2"}));
  EXPECT_EQ(reader.read_json(json(1), "f:1")->index, 0);
  EXPECT_EQ(reader.read_json(json(2), "f:1")->index, 1);
  EXPECT_FALSE(reader.read_json(json(0), "f:1"));
}

TEST(Labels, OutsideTheClasses) {
  const LabelReader reader = *LabelReader::create(classes({"negative", "neutral", "positive"}));
  const auto label = reader.read_text("postive", "train.jsonl:7");
  ASSERT_FALSE(label);
  EXPECT_EQ(label.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(label.error().message, HasSubstr("train.jsonl:7: the label \"postive\""));
  EXPECT_THAT(label.error().message, HasSubstr("negative, neutral, positive (or 0 to 2)"));
  EXPECT_THAT(label.error().message, HasSubstr("Did you mean \"positive\"?"));
  EXPECT_FALSE(reader.read_json(json(3), "f:1"));
  EXPECT_FALSE(reader.read_json(json(-1), "f:1"));
  EXPECT_FALSE(reader.read_json(json(0.5), "f:1"));
  EXPECT_THAT(reader.read_json(json(nullptr), "f:1").error().message,
              HasSubstr("neither text nor"));
}

TEST(Labels, Regression) {
  const LabelReader reader = *LabelReader::create(regression());
  EXPECT_EQ(reader.read_json(json(4.25), "f:1")->target, 4.25);
  EXPECT_EQ(reader.read_json(json(5), "f:1")->target, 5.0);
  EXPECT_EQ(reader.read_text("0.1", "f:1")->target, 0.1);
  EXPECT_THAT(reader.read_text("high", "f:1").error().message, HasSubstr("no finite number"));
  EXPECT_FALSE(reader.read_text("nan", "f:1"));
  EXPECT_FALSE(reader.read_text("inf", "f:1"));
  EXPECT_FALSE(reader.read_text("", "f:1"));
}

TEST(Labels, TasksThatCannotBe) {
  EXPECT_THAT(LabelReader::create(classes({})).error().message, HasSubstr("lists 0 classes"));
  EXPECT_THAT(LabelReader::create(classes({"a"})).error().message, HasSubstr("at least two"));
  EXPECT_THAT(LabelReader::create(classes({"a", "b", "a"})).error().message,
              HasSubstr("\"a\" twice"));
  EXPECT_THAT(LabelReader::create(classes({"a", ""})).error().message, HasSubstr("without a name"));
  TaskSpec task = regression();
  task.labels = {"a", "b"};
  EXPECT_THAT(LabelReader::create(task).error().message, HasSubstr("regression but lists"));
}

TEST(Labels, EveryClassMustOccur) {
  EXPECT_TRUE(check_every_class_occurs(classes({"a", "b"}), {1, 2}, "x.csv"));
  EXPECT_THAT(check_every_class_occurs(classes({"a", "b"}), {1, 0}, "x.csv").error().message,
              HasSubstr("no row of x.csv has the class \"b\""));
}

}  // namespace
}  // namespace plateau::trainer
