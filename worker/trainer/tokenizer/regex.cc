#include "worker/trainer/tokenizer/regex.h"

#include <cctype>

#include <unicode/regex.h>
#include <unicode/unistr.h>

#include "common/base/check.h"

namespace plateau::trainer {

struct Regex::Compiled {
  std::unique_ptr<icu::RegexPattern> pattern;
};

namespace {

icu::UnicodeString to_utf16(std::string_view text) {
  return icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
}

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern, const std::string& where) {
  UErrorCode error = U_ZERO_ERROR;
  UParseError place{};
  auto compiled = std::make_shared<Compiled>();
  compiled->pattern.reset(icu::RegexPattern::compile(to_utf16(pattern), 0, place, error));
  if (U_FAILURE(error)) {
    return invalid_argument(where + ": the regular expression \"" + std::string(pattern) +
                            "\" is not supported (" + u_errorName(error) + " at character " +
                            std::to_string(place.offset) + ").");
  }
  Regex regex;
  regex.compiled_ = std::move(compiled);
  return regex;
}

Regex Regex::literal(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte >= 0x80 || std::isalnum(byte) != 0;
    if (!is_plain) quoted += '\\';
    quoted += c;
  }
  Result<Regex> regex = compile(quoted, "a literal");
  PLATEAU_CHECK(regex.ok(), "a quoted literal is a regular expression");
  return *regex;
}

std::vector<RegexPiece> Regex::split(std::string_view text) const {
  const icu::UnicodeString utf16 = to_utf16(text);
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->pattern->matcher(utf16, error));
  PLATEAU_CHECK(U_SUCCESS(error), u_errorName(error));
  matcher->setStackLimit(0, error);  // Long texts: memory is the only limit.
  std::vector<RegexPiece> pieces;
  const auto append = [&](std::int32_t start, std::int32_t end, bool is_match) {
    if (start == end) return;
    RegexPiece piece;
    piece.is_match = is_match;
    utf16.tempSubStringBetween(start, end).toUTF8String(piece.text);
    pieces.push_back(std::move(piece));
  };
  std::int32_t done = 0;
  while (matcher->find(error) != 0 && U_SUCCESS(error)) {
    append(done, matcher->start(error), false);
    append(matcher->start(error), matcher->end(error), true);
    done = matcher->end(error);
  }
  PLATEAU_CHECK(U_SUCCESS(error), u_errorName(error));
  append(done, utf16.length(), false);
  return pieces;
}

std::string Regex::replace_all(std::string_view text, std::string_view by) const {
  std::string replaced;
  for (const RegexPiece& piece : split(text))
    replaced += piece.is_match ? by : std::string_view(piece.text);
  return replaced;
}

}  // namespace plateau::trainer
