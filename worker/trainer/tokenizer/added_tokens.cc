#include "worker/trainer/tokenizer/added_tokens.h"

#include <algorithm>

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

// Where the code point that ends at `end` begins.
std::size_t previous_start(std::string_view text, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80)
    --start;
  return start;
}

bool touches_word(std::string_view text, std::size_t start, std::size_t end) {
  if (start > 0) {
    std::size_t at = previous_start(text, start);
    if (is_word_character(next_code_point(text, at))) return true;
  }
  std::size_t at = end;
  return end < text.size() && is_word_character(next_code_point(text, at));
}

std::size_t skip_spaces_left(std::string_view text, std::size_t start, std::size_t limit) {
  while (start > limit) {
    const std::size_t previous = previous_start(text, start);
    std::size_t at = previous;
    if (!is_whitespace(next_code_point(text, at))) break;
    start = previous;
  }
  return std::max(start, limit);
}

std::size_t skip_spaces_right(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    std::size_t at = end;
    if (!is_whitespace(next_code_point(text, at))) break;
    end = at;
  }
  return end;
}

const AddedToken* longest_at(const std::array<std::vector<AddedToken>, 256>& index,
                             std::string_view rest) {
  for (const AddedToken& token : index[static_cast<unsigned char>(rest.front())]) {
    if (rest.starts_with(token.content)) return &token;
  }
  return nullptr;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens,
                         const std::function<std::string(std::string_view)>& normalize) {
  for (const AddedToken& token : tokens) {
    contents_.emplace(token.id, token.content);
    if (token.special) special_.insert(token.content);
    AddedToken looked_for = token;
    if (token.normalized) looked_for.content = normalize(token.content);
    if (looked_for.content.empty()) continue;
    Index& index = token.normalized ? normalized_ : raw_;
    index[static_cast<unsigned char>(looked_for.content.front())].push_back(looked_for);
  }
  for (Index* const index : {&raw_, &normalized_}) {
    for (std::vector<AddedToken>& same_start : *index) {
      std::stable_sort(same_start.begin(), same_start.end(),
                       [](const AddedToken& a, const AddedToken& b) {
                         return a.content.size() > b.content.size();
                       });
    }
  }
}

std::vector<Segment> AddedTokens::split(std::string_view text, bool normalized) const {
  const Index& index = normalized ? normalized_ : raw_;
  std::vector<Segment> segments;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* const token = longest_at(index, text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t start = at;
    std::size_t end = at + token->content.size();
    at = end;
    if (token->single_word && touches_word(text, start, end)) continue;
    if (token->lstrip) start = skip_spaces_left(text, start, done);
    if (token->rstrip) end = skip_spaces_right(text, end);
    if (start > done) segments.push_back({text.substr(done, start - done), std::nullopt});
    segments.push_back({{}, token->id});
    done = end;
    at = end;
  }
  if (done < text.size()) segments.push_back({text.substr(done), std::nullopt});
  return segments;
}

std::optional<std::string_view> AddedTokens::token(std::int32_t id) const {
  const auto found = contents_.find(id);
  if (found == contents_.end()) return std::nullopt;
  return found->second;
}

}  // namespace plateau::trainer
