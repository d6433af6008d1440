// Normalisers and decoders that put one text in the place of another.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/regex.h"
#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {

// Prepend: a string before every text that is not empty.
class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string normalize(std::string_view text) const override;

 private:
  std::string prefix_;
};

// Replace: every match of a pattern by a string.
class ReplaceNormalizer : public Normalizer {
 public:
  ReplaceNormalizer(Regex pattern, std::string by)
      : pattern_(std::move(pattern)), by_(std::move(by)) {}
  std::string normalize(std::string_view text) const override;

 private:
  Regex pattern_;
  std::string by_;
};

// NFC, NFD, NFKC, NFKD.
class UnicodeNormalizer : public Normalizer {
 public:
  explicit UnicodeNormalizer(NormalForm form) : form_(form) {}
  std::string normalize(std::string_view text) const override;

 private:
  NormalForm form_;
};

// Replace, in every token.
class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(Regex pattern, std::string by)
      : pattern_(std::move(pattern)), by_(std::move(by)) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;

 private:
  Regex pattern_;
  std::string by_;
};

// ByteFallback: neighbouring tokens "<0xE4>" become the text of their bytes, or, when they are not
// UTF-8, one U+FFFD each.
class ByteFallbackDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;
};

// Fuse: all tokens become one.
class FuseDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;
};

// Strip: up to `start` and `stop` copies of a string off the ends of every token.
class StripDecoder : public Decoder {
 public:
  StripDecoder(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;

 private:
  std::string content_;
  std::size_t start_;
  std::size_t stop_;
};

// Metaspace: "▁" becomes a space, but in the first token, where one was prepended.
class MetaspaceDecoder : public Decoder {
 public:
  explicit MetaspaceDecoder(bool is_prepended) : is_prepended_(is_prepended) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;

 private:
  bool is_prepended_;
};

}  // namespace plateau::trainer
