#include "worker/trainer/tokenizer/wordpiece.h"

#include <utility>

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

// The end of the code point before `end`.
std::size_t one_back(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
  return end;
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, Settings settings)
    : vocabulary_(std::move(vocabulary)), settings_(std::move(settings)) {}

void WordPiece::tokenize(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (count_code_points(word) > settings_.word_chars_max) {
    ids.push_back(settings_.unknown_id);
    return;
  }
  const std::size_t before = ids.size();
  std::string piece;
  for (std::size_t start = 0; start < word.size();) {
    std::size_t end = word.size();
    std::optional<std::int32_t> found;
    while (end > start) {
      piece = start > 0 ? settings_.continuing_prefix : "";
      piece += word.substr(start, end - start);
      found = vocabulary_.id(piece);
      if (found) break;
      end = one_back(word, end);
    }
    if (!found) {
      ids.resize(before);
      ids.push_back(settings_.unknown_id);
      return;
    }
    ids.push_back(*found);
    start = end;
  }
}

}  // namespace plateau::trainer
