#include "worker/trainer/tokenizer/splitting.h"

namespace plateau::trainer {

std::vector<std::string> SplitPreTokenizer::split(std::string_view piece, bool /*at_start*/) const {
  std::vector<std::string> pieces;
  for (RegexPiece& part : pattern_.split(piece)) {
    const bool is_kept = keep_ == Keep::kAll || part.is_match == (keep_ == Keep::kMatches);
    if (is_kept) pieces.push_back(std::move(part.text));
  }
  return pieces;
}

std::vector<std::string> MetaspacePreTokenizer::split(std::string_view piece, bool at_start) const {
  std::string text;
  for (const char c : piece) {
    if (c == ' ') {
      text += kMetaspace;
    } else {
      text += c;
    }
  }
  const bool is_wanted = prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && at_start);
  if (is_wanted && !text.starts_with(kMetaspace)) text.insert(0, kMetaspace);
  if (!is_split_) return {text};
  std::vector<std::string> pieces;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find(kMetaspace, start + 1);
    pieces.push_back(text.substr(start, end - start));
    start = end == std::string::npos ? text.size() : end;
  }
  return pieces;
}

}  // namespace plateau::trainer
