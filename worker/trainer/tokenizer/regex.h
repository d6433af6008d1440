// Regular expressions over UTF-8 text, by ICU.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

// A stretch of the text that matches, or one between matches. Never empty.
struct RegexPiece {
  std::string text;
  bool is_match = false;
};

// Cheap to copy; thread-safe.
class Regex {
 public:
  // kInvalidArgument when ICU cannot read the pattern; `where` is "file: section".
  static Result<Regex> compile(std::string_view pattern, const std::string& where);
  // Matches the string itself.
  static Regex literal(std::string_view text);

  // The whole text in order, as matches and what lies between them.
  std::vector<RegexPiece> split(std::string_view text) const;
  std::string replace_all(std::string_view text, std::string_view by) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace plateau::trainer
