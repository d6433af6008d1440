#include "common/base/check.h"

#include <gtest/gtest.h>

#include "common/base/result.h"

namespace plateau {
namespace {

TEST(CheckDeathTest, brokenInvariant_printsWhereAndWhatThenAborts) {
  EXPECT_DEATH(PLATEAU_CHECK(1 + 1 == 3, "sums are off"),
               "check_test.cc:[0-9]+: invariant broken: 1 \\+ 1 == 3: sums are off");
}

TEST(Check, conditionHolds_evaluatedOnce) {
  int evaluated = 0;
  PLATEAU_CHECK(++evaluated == 1, "");
  EXPECT_EQ(evaluated, 1);
}

TEST(Result, valueAndError) {
  Result<std::string> good = std::string("yes");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "yes");
  EXPECT_EQ(good->size(), 3u);
  const Result<std::string> bad = not_found("no run 'x'");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(bad.error().message, "no run 'x'");
}

TEST(ResultDeathTest, valueOfAnError_abortsWithItsMessage) {
  Result<int> bad = io_error("disk full");
  EXPECT_DEATH((void)bad.value(), "disk full");
}

TEST(ExitCode, everyKindHasItsDocumentedCode) {
  EXPECT_EQ(exit_code(ErrorKind::kInvalidArgument), 2);
  EXPECT_EQ(exit_code(ErrorKind::kNotFound), 3);
  EXPECT_EQ(exit_code(ErrorKind::kCorrupt), 4);
  EXPECT_EQ(exit_code(ErrorKind::kVersion), 4);
  EXPECT_EQ(exit_code(ErrorKind::kIo), 5);
  EXPECT_EQ(exit_code(ErrorKind::kBusy), 6);
  EXPECT_EQ(exit_code(ErrorKind::kInternal), 70);
}

}  // namespace
}  // namespace plateau
