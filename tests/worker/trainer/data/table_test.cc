#include "worker/trainer/data/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto table = parse_table(text, ',', "x.csv");
  EXPECT_FALSE(table);
  return table ? "" : table.error().message;
}

TEST(Table, QuotesLineEndsAndBlankLines) {
  const auto table = parse_table(
      "a,b\r\n1,\"x, \"\"y\"\"\"\r\n\r\n\"two\nlines\",\r\n3,it's \"odd\"", ',', "x.csv");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->columns, ElementsAre("a", "b"));
  ASSERT_EQ(table->rows.size(), 3U);
  EXPECT_THAT(table->rows[0].fields, ElementsAre("1", "x, \"y\""));
  EXPECT_THAT(table->rows[1].fields, ElementsAre("two\nlines", ""));
  EXPECT_EQ(table->rows[1].line, 4);
  EXPECT_THAT(table->rows[2].fields, ElementsAre("3", "it's \"odd\""));
  EXPECT_EQ(table->rows[2].line, 6);
}

TEST(Table, Tabs) {
  const auto table = parse_table("a\tb\n1\t2,3\n", '\t', "x.tsv");
  ASSERT_TRUE(table);
  EXPECT_THAT(table->rows[0].fields, ElementsAre("1", "2,3"));
}

TEST(Table, RowOfAnotherLength) {
  EXPECT_THAT(error_of("a,b\n1,2\n3\n"),
              HasSubstr("x.csv:3: the row has 1 fields, but the first row names 2"));
}

TEST(Table, QuoteThatNeverEnds) {
  EXPECT_THAT(error_of("a,b\n1,2\n3,\"oops\n4,5\n"), HasSubstr("x.csv:3: a quoted field begins"));
}

TEST(Table, TextBehindAQuote) {
  EXPECT_THAT(error_of("a,b\n\"x\"y,2\n"), HasSubstr("x.csv:2: there is text behind"));
}

TEST(Table, EmptyFile) {
  EXPECT_THAT(error_of(""), HasSubstr("x.csv is empty"));
  EXPECT_THAT(error_of("\n\n"), HasSubstr("x.csv is empty"));
}

TEST(Table, ColumnTwice) {
  EXPECT_THAT(error_of("a,b,a\n"), HasSubstr("the column \"a\" twice"));
}

}  // namespace
}  // namespace plateau::trainer
