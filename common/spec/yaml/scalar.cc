#include <charconv>
#include <cmath>
#include <cstdlib>

#include "common/spec/yaml/document.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

bool digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(const std::string& text, std::size_t at) {
  while (at < text.size() && digit(text[at]))
    ++at;
  return at;
}

// [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
bool is_decimal(const std::string& text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole = skip_digits(text, at);
  std::size_t digits = whole - at;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t end = skip_digits(text, at + 1);
    digits += end - at - 1;
    at = end;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t end = skip_digits(text, at);
    if (end == at) return false;
    at = end;
  }
  return at == text.size();
}

// The whole text as an integer of this base, or nothing when it does not fit.
Json whole_number(std::string_view digits, int base) {
  if (!digits.empty() && digits[0] == '+') digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return nullptr;
  return value;
}

bool one_of(const std::string& text, std::initializer_list<const char*> candidates) {
  for (const char* candidate : candidates) {
    if (text == candidate) return true;
  }
  return false;
}

}  // namespace

Json plain_scalar(const std::string& text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (one_of(text, {"true", "True", "TRUE"})) return true;
  if (one_of(text, {"false", "False", "FALSE"})) return false;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
    const Json value = whole_number(std::string_view(text).substr(2), text[1] == 'x' ? 16 : 8);
    return value.is_null() || text[2] == '-' ? Json(text) : value;
  }
  if (is_decimal(text)) {
    if (text.find_first_of(".eE") == std::string::npos) {
      const Json value = whole_number(text, 10);
      if (!value.is_null()) return value;
    }
    const double value = std::strtod(text.c_str(), nullptr);
    // 1e999 is no number that anything here could use; as a text it is refused with its place.
    return std::isfinite(value) ? Json(value) : Json(text);
  }
  return text;
}

}  // namespace plateau
