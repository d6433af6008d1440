#include "worker/trainer/tokenizer/tokenizer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "worker/trainer/tokenizer/bert_normalizer.h"
#include "worker/trainer/tokenizer/bert_pre_tokenizer.h"
#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

// A BERT tokenizer of a dozen tokens.
json small_bert() {
  json file = json::parse(R"({
    "added_tokens": [
      {"id": 0, "content": "[PAD]", "special": true, "normalized": false},
      {"id": 1, "content": "[UNK]", "special": true, "normalized": false},
      {"id": 2, "content": "[CLS]", "special": true, "normalized": false},
      {"id": 3, "content": "[SEP]", "special": true, "normalized": false}],
    "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 8}, "pad_id": 0},
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 10, "vocab": {}}})");
  const std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "run", "##ning", "##s",
                                        "fast",  "!",     ".",     "a",     "b",   "c"};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    file["model"]["vocab"][tokens[i]] = i;
  return file;
}

Tokenizer make(const json& file) {
  Result<Tokenizer> tokenizer = Tokenizer::from_json(file.dump(), "tokenizer.json");
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return std::move(*tokenizer);
}

Error error_of(const json& file) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_json(file.dump(), "x/tokenizer.json");
  EXPECT_FALSE(tokenizer);
  if (tokenizer) return {};
  EXPECT_THAT(tokenizer.error().message, HasSubstr("x/tokenizer.json"));
  return tokenizer.error();
}

std::vector<std::int32_t> plain(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.encode(text, {.add_special_tokens = false, .max_length = 0}).ids;
}

TEST(Tokenizer, WordPieceTakesTheLongestPieces) {
  const Tokenizer tokenizer = make(small_bert());
  EXPECT_THAT(plain(tokenizer, "Running RUNS fast!"), ElementsAre(4, 5, 4, 6, 7, 8));
  // A rest without a piece makes the whole word unknown, not only the rest.
  EXPECT_THAT(plain(tokenizer, "runx fast"), ElementsAre(1, 7));
  // More characters than max_input_chars_per_word.
  EXPECT_THAT(plain(tokenizer, "runsssssss"), ElementsAre(4, 6, 6, 6, 6, 6, 6, 6));
  EXPECT_THAT(plain(tokenizer, "runssssssss"), ElementsAre(1));
}

TEST(Tokenizer, TruncationAndPaddingOfTheFileAreIgnored) {
  const Tokenizer tokenizer = make(small_bert());
  EXPECT_THAT(tokenizer.encode("a b c a b c", {}).ids, ElementsAre(2, 10, 11, 12, 10, 11, 12, 3));
  EXPECT_EQ(tokenizer.pad_id(), 0);
}

TEST(Tokenizer, MaxLengthCutsAndSaysSo) {
  const Tokenizer tokenizer = make(small_bert());
  const Encoding cut = tokenizer.encode("a b c a", {.add_special_tokens = true, .max_length = 4});
  EXPECT_THAT(cut.ids, ElementsAre(2, 10, 11, 3));
  EXPECT_TRUE(cut.truncated);
  const Encoding fits = tokenizer.encode("a b", {.add_special_tokens = true, .max_length = 4});
  EXPECT_FALSE(fits.truncated);
}

TEST(Tokenizer, PairsHaveTypeIdsAndAreCutLongestFirst) {
  const Tokenizer tokenizer = make(small_bert());
  const Encoding whole = tokenizer.encode("a", "b c", {});
  EXPECT_THAT(whole.ids, ElementsAre(2, 10, 3, 11, 12, 3));
  EXPECT_THAT(whole.type_ids, ElementsAre(0, 0, 0, 1, 1, 1));
  // The longer one gives way first; when both are too long, the second keeps the odd token.
  const auto cut = [&](const char* a, const char* b, std::int64_t length) {
    return tokenizer.encode(a, b, {.add_special_tokens = true, .max_length = length}).ids;
  };
  EXPECT_THAT(cut("a", "b b b b", 6), ElementsAre(2, 10, 3, 11, 11, 3));
  EXPECT_THAT(cut("a a a a", "b", 6), ElementsAre(2, 10, 10, 3, 11, 3));
  EXPECT_THAT(cut("a a a a", "b b b b b", 6), ElementsAre(2, 10, 3, 11, 11, 3));
}

TEST(Tokenizer, SpecialTokensInTheTextAreTokens) {
  const Tokenizer tokenizer = make(small_bert());
  EXPECT_THAT(plain(tokenizer, "a[SEP]b"), ElementsAre(10, 3, 11));
  EXPECT_THAT(plain(tokenizer, "a [sep] b"), ElementsAre(10, 1, 1, 1, 11));
}

TEST(Tokenizer, AddedTokenOptions) {
  json file = small_bert();
  file["added_tokens"].push_back({{"id", 20},
                                  {"content", "<x>"},
                                  {"special", false},
                                  {"normalized", false},
                                  {"lstrip", true},
                                  {"rstrip", true}});
  file["added_tokens"].push_back({{"id", 21},
                                  {"content", "run"},
                                  {"special", false},
                                  {"normalized", false},
                                  {"single_word", true}});
  file["added_tokens"].push_back(
      {{"id", 22}, {"content", "C"}, {"special", false}, {"normalized", true}});
  file["added_tokens"].push_back(
      {{"id", 23}, {"content", "<x><x>"}, {"special", false}, {"normalized", false}});
  const Tokenizer tokenizer = make(file);
  EXPECT_THAT(plain(tokenizer, "a  <x>  b"), ElementsAre(10, 20, 11));
  EXPECT_THAT(plain(tokenizer, "a<x><x>b"), ElementsAre(10, 23, 11));  // the longest
  EXPECT_THAT(plain(tokenizer, "run running"), ElementsAre(21, 4, 5));
  EXPECT_THAT(plain(tokenizer, "a C c"), ElementsAre(10, 22, 22));  // in the normalised text
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{10, 20, 11}), "a <x> b");
}

TEST(Tokenizer, DecodeJoinsPiecesAndSkipsSpecialTokens) {
  const Tokenizer tokenizer = make(small_bert());
  const std::vector<std::int32_t> ids{2, 4, 5, 7, 8, 3, 999};
  EXPECT_EQ(tokenizer.decode(ids), "running fast!");
  EXPECT_EQ(tokenizer.decode(ids, /*skip_special_tokens=*/false), "[CLS] running fast! [SEP]");
}

TEST(Tokenizer, TemplateProcessing) {
  json file = small_bert();
  file["post_processor"] = json::parse(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[CLS]", "type_id": 1}},
             {"Sequence": {"id": "A", "type_id": 0}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2, 2], "tokens": ["[CLS]", "[CLS]"]}}})");
  const Tokenizer tokenizer = make(file);
  EXPECT_THAT(tokenizer.encode("a", {}).ids, ElementsAre(2, 2, 10));
  const Encoding pair = tokenizer.encode("a", "b", {});
  EXPECT_THAT(pair.ids, ElementsAre(11, 2, 2, 10));
  EXPECT_THAT(pair.type_ids, ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(tokenizer.encode("a", "b", {.add_special_tokens = false, .max_length = 0}).ids,
              ElementsAre(11, 10));
}

TEST(Tokenizer, RobertaProcessingSeparatesTwiceWithoutTypes) {
  json file = small_bert();
  file["post_processor"] = {
      {"type", "RobertaProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  const Encoding pair = make(file).encode("a", "b", {});
  EXPECT_THAT(pair.ids, ElementsAre(2, 10, 3, 3, 11, 3));
  EXPECT_THAT(pair.type_ids, testing::Each(0));
}

TEST(Tokenizer, NoPostProcessorGivesPlainTextsWithTypes) {
  json file = small_bert();
  file["post_processor"] = nullptr;
  const Encoding pair = make(file).encode("a", "b", {});
  EXPECT_THAT(pair.ids, ElementsAre(10, 11));
  EXPECT_THAT(pair.type_ids, ElementsAre(0, 1));
}

TEST(Tokenizer, UnsupportedPartsAreRefusedByName) {
  for (const auto& [section, type] :
       std::vector<std::pair<std::string, std::string>>{{"normalizer", "Precompiled"},
                                                        {"pre_tokenizer", "UnicodeScripts"},
                                                        {"model", "Unigram"},
                                                        {"post_processor", "Mystery"},
                                                        {"decoder", "CTC"}}) {
    json file = small_bert();
    file[section]["type"] = type;
    const Error error = error_of(file);
    EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument) << section;
    EXPECT_THAT(error.message, HasSubstr(section + " is of the type \"" + type + "\""));
    EXPECT_THAT(error.message, HasSubstr("(supported: "));
  }
}

TEST(Tokenizer, BrokenFilesAreRefused) {
  EXPECT_THAT(Tokenizer::from_json("{\"a\": ", "x/tokenizer.json").error().message,
              HasSubstr("not JSON"));
  EXPECT_THAT(error_of(json::array()).message, HasSubstr("no tokenizer"));
  json file = small_bert();
  file["model"]["unk_token"] = "[WHAT]";
  EXPECT_THAT(error_of(file).message, HasSubstr("\"[WHAT]\" is not in the vocabulary"));
  file = small_bert();
  file["model"]["vocab"]["d"] = 5;
  EXPECT_THAT(error_of(file).message, HasSubstr("have the same id 5"));
  file = small_bert();
  file["model"]["vocab"]["d"] = -1;
  EXPECT_THAT(error_of(file).message, HasSubstr("impossible id"));
  file = small_bert();
  file["normalizer"]["lowercase"] = 3;
  EXPECT_THAT(error_of(file).message, HasSubstr("\"lowercase\" must be true or false"));
  file = small_bert();
  file.erase("model");
  EXPECT_THAT(error_of(file).message, HasSubstr("model is no object"));
  file = small_bert();
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"pair", json::array()},
                            {"single", {{{"Sequence", {{"id", "B"}, {"type_id", 0}}}}}},
                            {"special_tokens", json::object()}};
  EXPECT_THAT(error_of(file).message, HasSubstr("asks for a second"));
}

TEST(Tokenizer, FolderWithoutTokenizer) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_folder("/nowhere");
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("no tokenizer.json in /nowhere"));
}

TEST(BertNormalizer, CleansAndFolds) {
  const BertNormalizer normalizer({});
  EXPECT_EQ(normalizer.normalize("Caf\u00c9\u200b\tx\u00a0y\x01\ufffd"), "cafe x y");
  EXPECT_EQ(normalizer.normalize("\u4e2da"), " \u4e2d a");
  EXPECT_EQ(normalizer.normalize("\u0130"), "i");  // The dot is an accent once decomposed.
  EXPECT_EQ(normalizer.normalize("a\xff"
                                 "b"),
            "ab");
}

TEST(BertNormalizer, EachSettingCanBeOff) {
  EXPECT_EQ(BertNormalizer({.clean_text = false}).normalize("a\tb\u200b"), "a\tb\u200b");
  EXPECT_EQ(BertNormalizer({.handle_chinese_chars = false}).normalize("\u4e2d"), "\u4e2d");
  EXPECT_EQ(BertNormalizer({.strip_accents = false}).normalize("\u00c9\u0130"), "\u00e9i\u0307");
  EXPECT_EQ(BertNormalizer({.lowercase = false}).normalize("\u00c9"), "E");
}

TEST(BertPreTokenizer, SplitsAtSpacesAndAroundPunctuation) {
  EXPECT_THAT(BertPreTokenizer().split("don't  pay $5\u3001ok", true),
              ElementsAre("don", "'", "t", "pay", "$", "5", "\u3001", "ok"));
}

TEST(Unicode, CategoriesAreThoseOfUnicode8) {
  EXPECT_TRUE(is_nonspacing_mark(U'\u0301'));
  EXPECT_FALSE(is_nonspacing_mark(U'\u08d5'));  // came with Unicode 9
  EXPECT_TRUE(is_punctuation(U'\u2026'));
  EXPECT_FALSE(is_punctuation(U'\u2e4f'));  // came with Unicode 12
}

}  // namespace
}  // namespace plateau::trainer
