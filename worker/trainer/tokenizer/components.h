// What the parts of a tokenizer are. Each kind has one small interface; each implementation has its
// own files. Text between them is UTF-8. All are immutable and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plateau::trainer {

// Makes texts that mean the same look the same: case, accents, spaces.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual std::string normalize(std::string_view text) const = 0;
};

// Cuts text into the words that the model sees one by one.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // `at_start`: the piece begins the text (no added token and no piece before it).
  virtual std::vector<std::string> split(std::string_view piece, bool at_start) const = 0;
};

// Turns one word into token ids, and an id into its token's text.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual void tokenize(std::string_view word, std::vector<std::int32_t>& ids) const = 0;
  // Nothing for an id that is no token.
  virtual std::optional<std::string_view> token(std::int32_t id) const = 0;
};

// Turns tokens back into pieces of text; the pieces of the last decoder are joined.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::vector<std::string> decode(std::vector<std::string> tokens) const = 0;
};

}  // namespace plateau::trainer
