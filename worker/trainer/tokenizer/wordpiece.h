// WordPiece: a word is cut greedily into the longest pieces of the vocabulary.
// Schuster and Nakajima 2012; the greedy reading is BERT's (Devlin et al. 2019).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/vocabulary.h"

namespace plateau::trainer {

class WordPiece : public TokenModel {
 public:
  struct Settings {
    std::int32_t unknown_id = 0;
    std::string continuing_prefix = "##";  // of pieces that do not begin a word
    std::size_t word_chars_max = 100;      // longer words are unknown
  };
  WordPiece(Vocabulary vocabulary, Settings settings);

  // A word of which any rest has no piece is unknown as a whole.
  void tokenize(std::string_view word, std::vector<std::int32_t>& ids) const override;
  std::optional<std::string_view> token(std::int32_t id) const override {
    return vocabulary_.token(id);
  }

 private:
  Vocabulary vocabulary_;
  Settings settings_;
};

}  // namespace plateau::trainer
