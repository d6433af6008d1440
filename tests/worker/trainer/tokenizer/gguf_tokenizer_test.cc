// A tokenizer inside a GGUF file, written by hand.
#include "worker/trainer/tokenizer/gguf_tokenizer.h"

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/common/gguf/gguf_bytes.h"
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
  Keys& fractions(const std::string& key, const std::vector<float>& values) {
    begin(key, 9);
    put(bytes_, 6, 4);  // float32
    put(bytes_, values.size(), 8);
    for (const float value : values)
      put(bytes_, std::bit_cast<std::uint32_t>(value), 4);
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

// 0 <unk>, 1 <s>, 2 </s>, 3 a byte, 4 the space, then pieces; "ab" goes before "bc".
Keys pieces() {
  Keys keys;
  keys.text("model", "llama")
      .texts("tokens",
             {"<unk>", "<s>", "</s>", "<0x21>", "\u2581", "a", "b", "c", "ab", "bc", "\u2581a"})
      .numbers("token_type", {2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 1})
      .fractions("scores", {0, 0, 0, 0, -9, -6, -7, -8, -1, -2, -3})
      .number("unknown_token_id", 0)
      .number("bos_token_id", 1)
      .number("eos_token_id", 2);
  return keys;
}

TEST(GgufTokenizer, PiecesWithScoresMergeBestFirst) {
  EXPECT_THAT(ids(pieces(), "abc"), ElementsAre(1, 4, 8, 7));
  EXPECT_THAT(ids(pieces(), "a bc!"), ElementsAre(1, 10, 4, 9, 3));  // a byte stands for '!'
  EXPECT_THAT(ids(pieces().flag("add_space_prefix", false), "abc"), ElementsAre(1, 8, 7));
  const Result<Tokenizer> tokenizer = open(pieces());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{1, 10, 4, 9, 3}), "a bc!");
  EXPECT_THAT(tokenizer->encode("a", "a", {}).ids, ElementsAre(1, 10, 1, 10));
  EXPECT_THAT(
      refusal(Keys().text("model", "llama").texts("tokens", {"a"}).numbers("token_type", {1})),
      HasSubstr("tokenizer.ggml.scores is missing"));
}

// The reference's small Llama: its merges become scores, which must become the same merges.
TEST(GgufTokenizer, PiecesOfARealVocabularyGiveItsIds) {
  const char* const shared = std::getenv("PLATEAU_SHARED");
  const char* const source = std::getenv("PLATEAU_SOURCE_DIR");
  const std::filesystem::path golden =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(source != nullptr ? source : ".") / "../shared") /
      "golden";
  const auto text = read_file(golden / "models/tiny-llama/tokenizer.json");
  const auto lines = read_file(golden / "tokenizer/tiny-llama.jsonl");
  if (!text || !lines) GTEST_SKIP() << golden << " is not here";
  const auto file = nlohmann::json::parse(*text);
  std::vector<std::string> tokens(file["model"]["vocab"].size());
  for (const auto& [token, id] : file["model"]["vocab"].items())
    tokens[id.get<std::size_t>()] = token;
  std::vector<std::uint64_t> types(tokens.size(), 1);
  for (std::size_t id = 0; id < 259; ++id)
    types[id] = id == 0 ? 2 : id < 3 ? 3 : 6;
  std::vector<float> scores(tokens.size(), -1e6F);
  float score = 0.0F;
  for (const auto& merge : file["model"]["merges"]) {
    const std::string made = merge[0].get<std::string>() + merge[1].get<std::string>();
    const auto id = file["model"]["vocab"].at(made).get<std::size_t>();
    scores[id] = score -= 1.0F;
  }
  Keys keys;
  keys.text("model", "llama").texts("tokens", tokens).numbers("token_type", types);
  keys.fractions("scores", scores).number("unknown_token_id", 0).number("bos_token_id", 1);
  const Result<Tokenizer> ours = open(keys);
  ASSERT_TRUE(ours) << ours.error().message;
  std::size_t checked = 0;
  std::istringstream stream(*lines);
  for (std::string line; std::getline(stream, line); ++checked) {
    const auto sample = nlohmann::json::parse(line);
    EXPECT_EQ(ours->encode(sample["text"].get<std::string>(), {}).ids,
              sample["ids"].get<std::vector<std::int32_t>>())
        << sample["text"];
  }
  EXPECT_GT(checked, 90U);
}

TEST(GgufTokenizer, RefusalsNameTheKey) {
  EXPECT_THAT(refusal(small("falcon")), HasSubstr("tokenizer.ggml.pre"));
  EXPECT_THAT(refusal(Keys().text("model", "t5")), HasSubstr("gpt2, llama"));
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
