// A tokenizer inside a GGUF file, written by hand.
#include "worker/trainer/tokenizer/gguf_tokenizer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/worker/trainer/gguf/gguf_bytes.h"
#include "worker/trainer/tokenizer/tokenizer.h"

namespace plateau::trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The metadata of a file, entry by entry.
class Keys {
 public:
  Keys& text(const std::string& key, const std::string& value) {
    begin(key, 8);
    put_text(bytes_, value);
    return *this;
  }
  Keys& number(const std::string& key, std::uint64_t value) {
    begin(key, 4);
    put(bytes_, value, 4);
    return *this;
  }
  Keys& flag(const std::string& key, bool value) {
    begin(key, 7);
    put(bytes_, value ? 1 : 0, 1);
    return *this;
  }
  Keys& texts(const std::string& key, const std::vector<std::string>& values) {
    begin(key, 9);
    put(bytes_, 8, 4);
    put(bytes_, values.size(), 8);
    for (const std::string& value : values)
      put_text(bytes_, value);
    return *this;
  }
  Keys& numbers(const std::string& key, const std::vector<std::uint64_t>& values) {
    begin(key, 9);
    put(bytes_, 5, 4);  // int32
    put(bytes_, values.size(), 8);
    for (const std::uint64_t value : values)
      put(bytes_, value, 4);
    return *this;
  }
  std::string file() const { return gguf_bytes(count_, bytes_, {}, ""); }

 private:
  void begin(const std::string& key, std::uint64_t type) {
    put_text(bytes_, "tokenizer.ggml." + key);
    put(bytes_, type, 4);
    ++count_;
  }
  std::uint64_t count_ = 0;
  std::string bytes_;
};

// 0 <s>, 1 </s>, 2 a, 3 b, 4 ab, 5 1, 6 11 (with the merges to make it), 7 <user>, 8 bab (no merge)
Keys small(const std::string& pre) {
  Keys keys;
  keys.text("model", "gpt2")
      .text("pre", pre)
      .texts("tokens", {"<s>", "</s>", "a", "b", "ab", "1", "11", "<user>", "bab"})
      .numbers("token_type", {3, 3, 1, 1, 1, 1, 1, 4, 1})
      .texts("merges", {"a b", "1 1"})
      .number("bos_token_id", 0)
      .number("eos_token_id", 1);
  return keys;
}

Result<Tokenizer> open(const Keys& keys) {
  const std::string path = testing::TempDir() + "/gguf_tokenizer.gguf";
  if (Status status = write_file_atomically(path, keys.file()); !status) return status.error();
  return Tokenizer::from_folder(path);
}

std::vector<std::int32_t> ids(const Keys& keys, const std::string& text) {
  const Result<Tokenizer> tokenizer = open(keys);
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return {};
  }
  return tokenizer->encode(text, {}).ids;
}

std::string refusal(const Keys& keys) {
  const Result<Tokenizer> tokenizer = open(keys);
  return tokenizer ? "no error" : tokenizer.error().message;
}

TEST(GgufTokenizer, PreTokenizersDifferInWhatStaysTogether) {
  EXPECT_THAT(ids(small("gpt-2"), "ab11"), ElementsAre(4, 6));
  EXPECT_THAT(ids(small("smollm"), "ab11"), ElementsAre(4, 5, 5));
  EXPECT_THAT(ids(small("qwen2"), "ab11"), ElementsAre(4, 5, 5));
  EXPECT_THAT(ids(small("llama-bpe"), "ab11"), ElementsAre(0, 4, 6));  // begins with bos
}

TEST(GgufTokenizer, OnlyLlama3TakesAWholeWordThatNoMergeMakes) {
  EXPECT_THAT(ids(small("llama-bpe"), "bab"), ElementsAre(0, 8));
  EXPECT_THAT(ids(small("gpt-2"), "bab"), ElementsAre(3, 4));
}

TEST(GgufTokenizer, TheFileSaysWhichEndsAreAdded) {
  EXPECT_THAT(ids(small("llama-bpe").flag("add_bos_token", false), "a"), ElementsAre(2));
  EXPECT_THAT(ids(small("gpt-2").flag("add_bos_token", true).flag("add_eos_token", true), "a"),
              ElementsAre(0, 2, 1));
}

TEST(GgufTokenizer, ControlTokensAreSpecialUserDefinedOnesAreNot) {
  const Result<Tokenizer> tokenizer = open(small("gpt-2").number("padding_token_id", 1));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::vector<std::int32_t> ids = tokenizer->encode("a</s><user>b", {}).ids;
  EXPECT_THAT(ids, ElementsAre(2, 1, 7, 3));
  EXPECT_EQ(tokenizer->decode(ids), "a<user>b");
  EXPECT_EQ(tokenizer->pad_id(), 1);
}

TEST(GgufTokenizer, RefusalsNameTheKey) {
  EXPECT_THAT(refusal(small("falcon")), HasSubstr("tokenizer.ggml.pre"));
  EXPECT_THAT(refusal(Keys().text("model", "llama")), HasSubstr("gpt2"));
  EXPECT_THAT(refusal(Keys()), HasSubstr("tokenizer.ggml.model is missing"));
  Keys short_types;
  short_types.text("model", "gpt2").text("pre", "gpt-2").texts("tokens", {"a", "b"});
  short_types.numbers("token_type", {1});
  EXPECT_THAT(refusal(short_types), HasSubstr("2 tokens, but 1 token types"));
  Keys twice;
  twice.text("model", "gpt2").text("pre", "gpt-2").texts("tokens", {"a", "a"});
  twice.numbers("token_type", {1, 1}).texts("merges", {});
  EXPECT_THAT(refusal(twice), HasSubstr("a token occurs twice"));
  Keys no_utf8;
  no_utf8.text("model", "gpt2").text("pre", "gpt-2").texts("tokens", {"\xff"});
  no_utf8.numbers("token_type", {1}).texts("merges", {});
  EXPECT_THAT(refusal(no_utf8), HasSubstr("not UTF-8"));
  Keys no_bos;
  no_bos.text("model", "gpt2").text("pre", "gpt-2").texts("tokens", {"a"});
  no_bos.numbers("token_type", {1}).texts("merges", {}).flag("add_bos_token", true);
  EXPECT_THAT(refusal(no_bos), HasSubstr("bos_token_id is missing"));
  EXPECT_THAT(refusal(no_bos.number("bos_token_id", 1)), HasSubstr("bos_token_id is no token"));
}

}  // namespace
}  // namespace plateau::trainer
