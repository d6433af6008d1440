// Byte-pair encoding: a word's characters are merged, the earliest learned merge first.
// Sennrich et al. 2016. Byte-level (GPT-2) and SentencePiece-style models differ only in what the
// parts around it make of the text, and in what happens to unknown characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/vocabulary.h"

namespace plateau::trainer {

class Bpe : public TokenModel {
 public:
  struct Settings {
    std::optional<std::int32_t> unknown_id;  // none: unknown characters vanish
    bool fuse_unknown = false;               // neighbouring unknown characters are one token
    bool byte_fallback = false;              // an unknown character becomes its bytes, "<0xE4>"...
    bool ignore_merges = false;              // a word that is a token is that token
  };
  using Merges = std::vector<std::pair<std::string, std::string>>;

  // kCorrupt: a merge whose parts or result are no tokens. `name` is the file.
  static Result<Bpe> create(Vocabulary vocabulary, const Merges& merges, Settings settings,
                            const std::string& name);

  void tokenize(std::string_view word, std::vector<std::int32_t>& ids) const override;
  std::optional<std::string_view> token(std::int32_t id) const override {
    return vocabulary_.token(id);
  }

 private:
  struct Merge {
    std::int32_t rank = 0;  // smaller is earlier
    std::int32_t id = 0;    // of the merged token
  };

  Bpe(Vocabulary vocabulary, Settings settings);
  std::vector<std::int32_t> characters(std::string_view word) const;
  bool append_bytes(std::string_view character, std::vector<std::int32_t>& ids) const;
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;

  Vocabulary vocabulary_;
  Settings settings_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // key: both ids, left in the upper half
};

}  // namespace plateau::trainer
