// Added tokens: strings that are cut out of a text before anything else happens to it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace plateau::trainer {

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool special = false;      // left out by decode
  bool normalized = false;   // looked for in the normalised text, not in the raw one
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space on its left along
  bool rstrip = false;       // ... and on its right
};

// A stretch of text between added tokens, or one of them.
struct Segment {
  std::string_view text;           // empty for a token
  std::optional<std::int32_t> id;  // the added token
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // `normalize` is the tokenizer's normaliser, for the tokens that are `normalized`.
  AddedTokens(const std::vector<AddedToken>& tokens,
              const std::function<std::string(std::string_view)>& normalize);

  // Leftmost, then longest match. `normalized` chooses which of the two sets is looked for.
  // The segments point into `text`; empty stretches are left out.
  std::vector<Segment> split(std::string_view text, bool normalized) const;

  // Nothing for ids of ordinary tokens.
  std::optional<std::string_view> token(std::int32_t id) const;
  bool is_special(std::string_view token) const { return special_.contains(std::string(token)); }

 private:
  // By first byte, longest first.
  using Index = std::array<std::vector<AddedToken>, 256>;
  Index raw_;
  Index normalized_;
  std::unordered_map<std::int32_t, std::string> contents_;
  std::unordered_set<std::string> special_;
};

}  // namespace plateau::trainer
