#include "worker/trainer/tokenizer/wordpiece_decoder.h"

#include <array>
#include <string_view>

namespace plateau::trainer {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

// In the reference's order. It works on one token at a time, so " ' " never matches there either;
// it is left out.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kCleanups{
    {{" .", "."},
     {" ?", "?"},
     {" !", "!"},
     {" ,", ","},
     {" n't", "n't"},
     {" 'm", "'m"},
     {" do not", " don't"},
     {" 's", "'s"},
     {" 've", "'ve"},
     {" 're", "'re"}}};

}  // namespace

std::vector<std::string> WordPieceDecoder::decode(std::vector<std::string> tokens) const {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string& token = tokens[i];
    if (i > 0) {
      if (token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else {
        token.insert(0, " ");
      }
    }
    if (!cleanup_) continue;
    for (const auto& [from, to] : kCleanups)
      replace_all(token, from, to);
  }
  return tokens;
}

}  // namespace plateau::trainer
