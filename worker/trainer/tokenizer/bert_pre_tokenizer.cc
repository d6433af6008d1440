#include "worker/trainer/tokenizer/bert_pre_tokenizer.h"

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

// All of ASCII that is neither letter, digit nor space counts, "$+<=>^`|~" included, although
// Unicode calls those symbols.
bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
  }
  return is_punctuation(c);
}

}  // namespace

std::vector<std::string> BertPreTokenizer::split(std::string_view piece, bool /*at_start*/) const {
  std::vector<std::string> words;
  std::size_t word_start = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > word_start) words.emplace_back(piece.substr(word_start, end - word_start));
  };
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t start = at;
    const char32_t c = next_code_point(piece, at);
    if (is_whitespace(c)) {
      end_word(start);
      word_start = at;
    } else if (is_bert_punctuation(c)) {
      end_word(start);
      words.emplace_back(piece.substr(start, at - start));
      word_start = at;
    }
  }
  end_word(piece.size());
  return words;
}

}  // namespace plateau::trainer
