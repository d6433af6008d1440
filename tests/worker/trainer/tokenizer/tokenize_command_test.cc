#include "worker/trainer/tokenizer/tokenize_command.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"

namespace plateau::trainer {
namespace {

using testing::HasSubstr;

class TokenizeCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/tokenize_command";
    ASSERT_TRUE(make_folder(folder_));
    ASSERT_TRUE(write_file_atomically(folder_ + "/tokenizer.json", R"({
      "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "added_tokens": [],
      "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
      "decoder": null, "model": {"type": "WordPiece", "unk_token": "[UNK]",
      "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "\u00e9": 5}}})"));
  }
  int run(const std::vector<std::string>& arguments, const std::string& input) {
    std::istringstream in(input);
    out_.str("");
    errors_.str("");
    return tokenize_command(arguments, in, out_, errors_);
  }
  std::string folder_;
  std::ostringstream out_, errors_;
};

TEST_F(TokenizeCommand, OneListALine) {
  EXPECT_EQ(run({folder_}, "\"a b\"\n\"\"\n\"\\u00e9 a\"\n"), 0);
  EXPECT_EQ(out_.str(), "[2,4,1,3]\n[2,3]\n[2,5,4,3]\n");
}

TEST_F(TokenizeCommand, Options) {
  EXPECT_EQ(run({folder_, "--no-special-tokens"}, "\"a\"\n"), 0);
  EXPECT_EQ(out_.str(), "[4]\n");
  EXPECT_EQ(run({"--max-length", "3", folder_}, "\"a a a\"\n"), 0);
  EXPECT_EQ(out_.str(), "[2,4,3]\n");
  EXPECT_EQ(run({"--help"}, ""), 0);
  EXPECT_THAT(out_.str(), HasSubstr("usage:"));
}

TEST_F(TokenizeCommand, BadInput) {
  EXPECT_EQ(run({folder_}, "\"a\"\n{}\n"), 2);
  EXPECT_THAT(errors_.str(), HasSubstr("line 2"));
  EXPECT_EQ(run({}, ""), 2);
  EXPECT_THAT(errors_.str(), HasSubstr("usage:"));
  EXPECT_EQ(run({folder_, "--max-length", "0"}, ""), 2);
  EXPECT_EQ(run({folder_, "--max-length", "3x"}, ""), 2);
  EXPECT_EQ(run({folder_, "--what"}, ""), 2);
  EXPECT_EQ(run({folder_, "other"}, ""), 2);
  EXPECT_EQ(run({"/nowhere"}, ""), 3);
}

}  // namespace
}  // namespace plateau::trainer
