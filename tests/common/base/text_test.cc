#include "common/base/text.h"

#include <charconv>

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Parts = std::vector<std::string>;

TEST(Split, keepsEmptyParts) {
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
}

TEST(Join, isTheInverseOfSplit) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
}

TEST(Trim, bothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Nearest, insertDeleteReplaceSwap) {
  const Parts keys = {"rank", "learning_rate", "seeds", "adapter"};
  EXPECT_EQ(nearest("rnak", keys), "rank");
  EXPECT_EQ(nearest("ranks", keys), "rank");
  EXPECT_EQ(nearest("seed", keys), "seeds");
  EXPECT_EQ(nearest("learning-rate", keys), "learning_rate");
  EXPECT_EQ(nearest("adaptor", keys), "adapter");
}

TEST(Nearest, tooFarOrNothingToChooseFrom) {
  EXPECT_EQ(nearest("zzzzzz", {"rank", "seeds"}), std::nullopt);
  EXPECT_EQ(nearest("rank", {}), std::nullopt);
}

TEST(FormatNumber, shortestThatReadsBack) {
  EXPECT_EQ(format_number(0.003), "0.003");
  EXPECT_EQ(format_number(1e-05), "1e-05");
  EXPECT_EQ(format_number(12), "12");
  EXPECT_EQ(format_number(-0.1), "-0.1");
  for (const double value : {1.0 / 3, 6.02214076e23, 5e-324, 1.7976931348623157e308}) {
    const std::string text = format_number(value);
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    EXPECT_EQ(back, value) << text;
  }
}

}  // namespace
}  // namespace plateau
