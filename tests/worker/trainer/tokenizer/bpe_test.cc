// Byte-pair tokenizers: byte-level (GPT-2, RoBERTa, Llama 3, SmolLM2) and SentencePiece-style
// (Llama 2). golden_test.cc compares whole tokenizers with the reference's lines.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "worker/trainer/tokenizer/byte_level.h"
#include "worker/trainer/tokenizer/regex.h"
#include "worker/trainer/tokenizer/replacing.h"
#include "worker/trainer/tokenizer/splitting.h"
#include "worker/trainer/tokenizer/tokenizer.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json small_bpe(const std::vector<std::string>& tokens, const json& merges) {
  json file{{"added_tokens", json::array()},
            {"normalizer", nullptr},
            {"pre_tokenizer", nullptr},
            {"post_processor", nullptr},
            {"decoder", nullptr}};
  file["model"] = {{"type", "BPE"}, {"merges", merges}, {"vocab", json::object()}};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    file["model"]["vocab"][tokens[i]] = i;
  return file;
}

Tokenizer make(const json& file) {
  Result<Tokenizer> tokenizer = Tokenizer::from_json(file.dump(), "tokenizer.json");
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return std::move(*tokenizer);
}

std::string error_of(const json& file) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_json(file.dump(), "tokenizer.json");
  EXPECT_FALSE(tokenizer);
  return tokenizer ? "" : tokenizer.error().message;
}

std::vector<std::int32_t> ids(const json& file, std::string_view text) {
  return make(file).encode(text, {}).ids;
}

TEST(Bpe, TheEarliestMergeComesFirstThenTheLeftmost) {
  const json file = small_bpe({"a", "b", "c", "bc", "ab", "abc", "aa"},
                              {"b c", "a b", "a bc", json::array({"a", "a"})});
  EXPECT_THAT(ids(file, "abc"), ElementsAre(5));  // b c, then a bc; never a b
  EXPECT_THAT(ids(file, "ab"), ElementsAre(4));
  EXPECT_THAT(ids(file, "aaa"), ElementsAre(6, 0));  // the left pair
  EXPECT_THAT(ids(file, "aaaa"), ElementsAre(6, 6));
  EXPECT_THAT(ids(file, "aaaaaaaaaaa"), ElementsAre(6, 6, 6, 6, 6, 0));
  EXPECT_THAT(ids(file, ""), ElementsAre());
}

TEST(Bpe, IgnoreMergesTakesWholeWords) {
  json file = small_bpe({"a", "b", "ab"}, json::array());
  EXPECT_THAT(ids(file, "ab"), ElementsAre(0, 1));
  file["model"]["ignore_merges"] = true;
  EXPECT_THAT(ids(file, "ab"), ElementsAre(2));
}

TEST(Bpe, UnknownCharacters) {
  json file = small_bpe({"<unk>", "a", "<0xC3>", "<0xA9>"}, json::array());
  EXPECT_THAT(ids(file, "axa"), ElementsAre(1, 1));
  file["model"]["unk_token"] = "<unk>";
  EXPECT_THAT(ids(file, "axya"), ElementsAre(1, 0, 0, 1));
  file["model"]["fuse_unk"] = true;
  EXPECT_THAT(ids(file, "axya"), ElementsAre(1, 0, 1));
  file["model"]["byte_fallback"] = true;
  EXPECT_THAT(ids(file, "a\u00e9x"), ElementsAre(1, 2, 3, 0));
}

TEST(Bpe, BrokenFiles) {
  EXPECT_THAT(error_of(small_bpe({"a", "b"}, {"a b"})), HasSubstr("merge 0 (\"a\" and \"b\")"));
  EXPECT_THAT(error_of(small_bpe({"a", "b"}, {"ab"})), HasSubstr("merge 0 is no pair"));
  EXPECT_THAT(error_of(small_bpe({"a", "b"}, {7})), HasSubstr("merge 0 is no pair"));
  json file = small_bpe({"a"}, json::array());
  file["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_THAT(error_of(file), HasSubstr("end_of_word_suffix is of the type \"</w>\""));
  file = small_bpe({"a"}, json::array());
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
  EXPECT_THAT(error_of(file), HasSubstr("the regular expression \"(a\" is not supported"));
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "MergedWithNext"}};
  EXPECT_THAT(error_of(file), HasSubstr("\"MergedWithNext\", which is not supported"));
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", json::object()}, {"behavior", "Isolated"}};
  EXPECT_THAT(error_of(file), HasSubstr("must hold either String or Regex"));
}

TEST(ByteLevel, WordsOfGpt2) {
  const ByteLevelPreTokenizer plain(/*add_prefix_space=*/false, /*use_regex=*/true);
  EXPECT_THAT(plain.split("I'll pay  $12!\n", true),
              ElementsAre("I", "'ll", "\u0120pay", "\u0120", "\u0120$", "12", "!", "\u010a"));
  const ByteLevelPreTokenizer prefixed(/*add_prefix_space=*/true, /*use_regex=*/false);
  EXPECT_THAT(prefixed.split("a b", true), ElementsAre("\u0120a\u0120b"));
  EXPECT_THAT(prefixed.split(" a", true), ElementsAre("\u0120a"));
}

TEST(ByteLevel, EveryByteComesBack) {
  std::string all;
  for (int byte = 1; byte < 128; ++byte)
    all += static_cast<char>(byte);
  all += "\u00e9\u4e2d";
  EXPECT_THAT(ByteLevelDecoder().decode({bytes_to_byte_characters(all)}), ElementsAre(all));
  // A character cut in two tokens is whole again; a lone half is U+FFFD.
  const std::string first = bytes_to_byte_characters("\xc3");
  EXPECT_THAT(ByteLevelDecoder().decode({first, bytes_to_byte_characters("\xa9")}),
              ElementsAre("\u00e9"));
  EXPECT_THAT(ByteLevelDecoder().decode({first}), ElementsAre("\ufffd"));
}

TEST(Splitting, Llama3Words) {
  const char* const kPattern =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const SplitPreTokenizer split(*Regex::compile(kPattern, "test"), SplitPreTokenizer::Keep::kAll);
  EXPECT_THAT(split.split("I'LL pay 12345$\n\n  x", true),
              ElementsAre("I", "'LL", " pay", " ", "123", "45", "$\n\n", " ", " x"));
}

TEST(Splitting, KeepsWhatItIsTold) {
  using Keep = SplitPreTokenizer::Keep;
  const Regex digits = *Regex::compile(R"(\p{N})", "test");
  EXPECT_THAT(SplitPreTokenizer(digits, Keep::kAll).split("a12b", true),
              ElementsAre("a", "1", "2", "b"));
  EXPECT_THAT(SplitPreTokenizer(digits, Keep::kMatches).split("a12b", true), ElementsAre("1", "2"));
  EXPECT_THAT(SplitPreTokenizer(digits, Keep::kRest).split("a12b", true), ElementsAre("a", "b"));
}

TEST(Splitting, Metaspace) {
  using Prepend = MetaspacePreTokenizer::Prepend;
  const MetaspacePreTokenizer always(Prepend::kAlways, /*is_split=*/true);
  EXPECT_THAT(always.split("a b", false), ElementsAre("\u2581a", "\u2581b"));
  EXPECT_THAT(always.split(" a", false), ElementsAre("\u2581a"));
  const MetaspacePreTokenizer first(Prepend::kFirst, /*is_split=*/false);
  EXPECT_THAT(first.split("a b", true), ElementsAre("\u2581a\u2581b"));
  EXPECT_THAT(first.split("a b", false), ElementsAre("a\u2581b"));
}

TEST(Splitting, OnlyTheStartOfTheTextGetsThePrefixOfFirst) {
  json file = small_bpe({"<x>", "a", "\u2581", "1"}, json::array());
  file["added_tokens"].push_back({{"id", 0}, {"content", "<x>"}, {"special", true}});
  const json metaspace{{"type", "Metaspace"}, {"prepend_scheme", "first"}, {"split", false}};
  file["pre_tokenizer"] = metaspace;
  EXPECT_THAT(ids(file, "a<x>a"), ElementsAre(2, 1, 0, 1));  // not behind an added token
  EXPECT_THAT(ids(file, "<x>a"), ElementsAre(0, 1));
  const json digits{{"type", "Digits"}, {"individual_digits", true}};
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {digits, metaspace}}};
  EXPECT_THAT(ids(file, "a1a"), ElementsAre(2, 1, 3, 1));  // nor in a later piece
}

TEST(Decoders, ByteFallbackFuseStripAndMetaspace) {
  EXPECT_THAT(ByteFallbackDecoder().decode({"a", "<0xC3>", "<0xA9>", "b", "<0xC3>", "<0xC3>"}),
              ElementsAre("a", "\u00e9", "b", "\ufffd", "\ufffd"));
  EXPECT_THAT(ByteFallbackDecoder().decode({"<0xZZ>", "<0x41>"}), ElementsAre("<0xZZ>", "A"));
  EXPECT_THAT(FuseDecoder().decode({"a", "b"}), ElementsAre("ab"));
  EXPECT_THAT(StripDecoder(" ", 1, 0).decode({"  a ", "b"}), ElementsAre(" a ", "b"));
  EXPECT_THAT(StripDecoder(" ", 0, 2).decode({" a  "}), ElementsAre(" a"));
  EXPECT_THAT(MetaspaceDecoder(/*is_prepended=*/true).decode({"\u2581a", "\u2581b"}),
              ElementsAre("a", " b"));
  EXPECT_THAT(MetaspaceDecoder(/*is_prepended=*/false).decode({"\u2581a"}), ElementsAre(" a"));
}

TEST(Normalizers, PrependReplaceAndForms) {
  EXPECT_EQ(PrependNormalizer("_").normalize("a"), "_a");
  EXPECT_EQ(PrependNormalizer("_").normalize(""), "");
  EXPECT_EQ(ReplaceNormalizer(Regex::literal("a.b"), "-").normalize("a.b axb"), "- axb");
  EXPECT_EQ(UnicodeNormalizer(NormalForm::kNfc).normalize("e\u0301"), "\u00e9");
  EXPECT_EQ(UnicodeNormalizer(NormalForm::kNfkd).normalize("\ufb01"), "fi");
}

TEST(PostProcessor, SequenceOfByteLevelAndOneTemplate) {
  json file = small_bpe({"<s>", "a"}, json::array());
  const json with_start{{"type", "RobertaProcessing"}, {"cls", {"<s>", 0}}, {"sep", {"<s>", 0}}};
  file["post_processor"] = {{"type", "Sequence"},
                            {"processors", {{{"type", "ByteLevel"}}, with_start}}};
  EXPECT_THAT(ids(file, "a"), ElementsAre(0, 1, 0));
  file["post_processor"]["processors"] = {with_start, with_start};
  EXPECT_THAT(error_of(file), HasSubstr("Sequence of 2 templates"));
  file["post_processor"] = {{"type", "ByteLevel"}};
  EXPECT_THAT(ids(file, "a"), ElementsAre(1));
}

}  // namespace
}  // namespace plateau::trainer
