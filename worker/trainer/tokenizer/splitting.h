// Pre-tokenisers that cut at a pattern: Split, Digits and Metaspace.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/regex.h"

namespace plateau::trainer {

// "▁", which stands for a space in SentencePiece-style vocabularies.
inline constexpr std::string_view kMetaspace = "\u2581";

// Split: matches become pieces of their own, what lies between them too.
class SplitPreTokenizer : public PreTokenizer {
 public:
  enum class Keep { kAll, kMatches, kRest };  // Isolated; Removed inverted; Removed
  SplitPreTokenizer(Regex pattern, Keep keep) : pattern_(std::move(pattern)), keep_(keep) {}
  std::vector<std::string> split(std::string_view piece, bool at_start) const override;

 private:
  Regex pattern_;
  Keep keep_;
};

// Metaspace: spaces become "▁"; each begins a piece when `split`.
class MetaspacePreTokenizer : public PreTokenizer {
 public:
  enum class Prepend { kAlways, kFirst, kNever };  // a "▁" before a piece without one
  MetaspacePreTokenizer(Prepend prepend, bool is_split) : prepend_(prepend), is_split_(is_split) {}
  std::vector<std::string> split(std::string_view piece, bool at_start) const override;

 private:
  Prepend prepend_;
  bool is_split_;
};

}  // namespace plateau::trainer
