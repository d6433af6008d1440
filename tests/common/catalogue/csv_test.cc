#include "common/catalogue/csv.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Fields = std::vector<std::string>;

TEST(Csv, quotes_line_breaks_and_empty_fields) {
  const auto rows =
      parse_csv("a,b\r\n\"x, y\",\"say \"\"hi\"\"\"\n\n\"two\nlines\",\n,last", ',').value();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(rows[1].fields, (Fields{"x, y", "say \"hi\""}));
  EXPECT_EQ(rows[2].fields, (Fields{"two\nlines", ""}));
  EXPECT_EQ(rows[2].line, 4u);
  EXPECT_EQ(rows[3].fields, (Fields{"", "last"}));
}

TEST(Csv, tabs_have_no_quotes) {
  const auto rows = parse_csv("a\tb\n\"x\t'y'\n", '\t').value();
  EXPECT_EQ(rows[1].fields, (Fields{"\"x", "'y'"}));
}

TEST(Csv, a_quotation_without_end_names_its_line) {
  EXPECT_EQ(parse_csv("a\nb\n\"c\nd\n", ',').error().message,
            "line 3 has a quotation that does not end");
}

}  // namespace
}  // namespace plateau
