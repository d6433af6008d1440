#include "worker/trainer/data/text.h"

#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

TEST(Text, FindsWhatIsNotUtf8) {
  EXPECT_FALSE(find_invalid_utf8("plain \u00e9 \u4e2d \U0001f600"));
  EXPECT_EQ(find_invalid_utf8("ab\xff"), 2U);
  EXPECT_EQ(find_invalid_utf8("\x80"), 0U);
  EXPECT_EQ(find_invalid_utf8("a\xc3"), 1U);             // cut
  EXPECT_EQ(find_invalid_utf8("\xc0\xaf"), 0U);          // overlong
  EXPECT_EQ(find_invalid_utf8("\xe0\x80\xaf"), 0U);      // overlong
  EXPECT_EQ(find_invalid_utf8("\xed\xa0\x80"), 0U);      // surrogate
  EXPECT_EQ(find_invalid_utf8("\xf4\x90\x80\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(find_invalid_utf8("\xf0\x8f\xbf\xbf"), 0U);  // overlong
  EXPECT_FALSE(find_invalid_utf8("\xf4\x8f\xbf\xbf"));
}

TEST(Text, DecodesCp1252) {
  EXPECT_EQ(decode_cp1252("a\x80\x93q\x94\xa3\xe9"), "a\u20ac\u201cq\u201d\u00a3\u00e9");
  EXPECT_EQ(decode_cp1252("\x81"), "\u0081");
}

TEST(Text, NormalisedText) {
  EXPECT_EQ(normalised_text("  A\tbig \r\n Dog\n"), "a big dog");
  EXPECT_EQ(normalised_text(" \n"), "");
  EXPECT_EQ(normalised_text("\u00c9t\u00e9"), "\u00c9t\u00e9");  // ASCII alone changes case
}

TEST(Text, NormalisedTweet) {
  EXPECT_EQ(normalised_tweet("RT @a_b: Great day!! http://t.co/x1 #fun"), "great day #fun");
  EXPECT_EQ(normalised_tweet("great day... https://t.co/other #fun"), "great day #fun");
  EXPECT_EQ(normalised_tweet("@united thanks"), "@united thanks");
  EXPECT_EQ(normalised_tweet("http://t.co/x"), "");
}

TEST(Text, ByteOrderMark) {
  EXPECT_EQ(without_bom("\xef\xbb\xbfx"), "x");
  EXPECT_EQ(without_bom("x"), "x");
}

}  // namespace
}  // namespace plateau::trainer
