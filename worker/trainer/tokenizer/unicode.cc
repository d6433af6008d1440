#include "worker/trainer/tokenizer/unicode.h"

#include <algorithm>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "common/base/check.h"

namespace plateau::trainer {
namespace {

UChar32 icu(char32_t c) {
  return static_cast<UChar32>(c);
}

// Categories as Unicode 8 had them: the reference library's tables are of that age, and the ids of
// a text must not depend on the ICU that is installed. Younger code points count as unassigned.
int category(char32_t c) {
  constexpr std::uint8_t kUnicodeMajor = 8;
  UVersionInfo age;
  u_charAge(icu(c), age);
  if (age[0] > kUnicodeMajor) return U_UNASSIGNED;
  return u_charType(icu(c));
}

const icu::Normalizer2* find_normalizer(NormalForm form, UErrorCode& error) {
  switch (form) {
    case NormalForm::kNfc:
      return icu::Normalizer2::getNFCInstance(error);
    case NormalForm::kNfd:
      return icu::Normalizer2::getNFDInstance(error);
    case NormalForm::kNfkc:
      return icu::Normalizer2::getNFKCInstance(error);
    case NormalForm::kNfkd:
      return icu::Normalizer2::getNFKDInstance(error);
  }
  return nullptr;
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const std::size_t size = text.size();
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(bytes, at, size, c);
  return static_cast<char32_t>(c);
}

void append_code_point(std::string& text, char32_t code_point) {
  std::uint8_t bytes[U8_MAX_LENGTH];
  int length = 0;
  U8_APPEND_UNSAFE(bytes, length, code_point);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  }));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    // U+FFFD is a broken sequence unless its own three bytes are there.
    const std::size_t start = at;
    if (next_code_point(bytes, at) == 0xfffd && bytes.substr(start, at - start) != "\ufffd") {
      return false;
    }
  }
  return true;
}

std::string with_replacement_characters(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();)
    append_code_point(text, next_code_point(bytes, at));
  return text;
}

bool is_whitespace(char32_t c) {
  return u_isUWhiteSpace(icu(c)) != 0;
}

bool is_control(char32_t c) {
  const int type = category(c);
  return type == U_CONTROL_CHAR || type == U_FORMAT_CHAR || type == U_PRIVATE_USE_CHAR;
}

bool is_punctuation(char32_t c) {
  return (U_MASK(category(c)) & U_GC_P_MASK) != 0;
}

bool is_nonspacing_mark(char32_t c) {
  return category(c) == U_NON_SPACING_MARK;
}

bool is_word_character(char32_t c) {
  constexpr std::uint32_t kCategories = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_hasBinaryProperty(icu(c), UCHAR_ALPHABETIC) != 0 ||
         (U_MASK(u_charType(icu(c))) & kCategories) != 0 ||
         u_hasBinaryProperty(icu(c), UCHAR_JOIN_CONTROL) != 0;
}

std::string to_normal_form(std::string_view text, NormalForm form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const normalizer = find_normalizer(form, error);
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  normalizer->normalizeUTF8(0,
                            icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())),
                            sink, nullptr, error);
  PLATEAU_CHECK(U_SUCCESS(error), u_errorName(error));
  return result;
}

void append_lowercase(std::string& text, char32_t c) {
  if (c == 0x130) {  // The one code point whose lower case is two: i with a dot above.
    text += "i\xcc\x87";
    return;
  }
  append_code_point(text, static_cast<char32_t>(u_tolower(icu(c))));
}

}  // namespace plateau::trainer
