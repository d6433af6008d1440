#include "worker/trainer/tokenizer/bert_normalizer.h"

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

bool is_plain_space(char32_t c) {
  return c == '\t' || c == '\n' || c == '\r';
}

bool is_removed(char32_t c) {
  if (is_plain_space(c)) return false;  // They are controls, but count as spaces.
  return c == 0 || c == 0xfffd || is_control(c);
}

// The blocks that the reference names. Its fifth block begins at 2B920, not at 2B820: the ids of
// trained models depend on that.
bool is_ideograph(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

}  // namespace

std::string BertNormalizer::normalize(std::string_view text) const {
  std::string cleaned;
  cleaned.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = next_code_point(text, at);
    if (settings_.clean_text) {
      if (is_removed(c)) continue;
      if (is_plain_space(c) || is_whitespace(c)) c = ' ';
    }
    const bool spaced = settings_.handle_chinese_chars && is_ideograph(c);
    if (spaced) cleaned += ' ';
    append_code_point(cleaned, c);
    if (spaced) cleaned += ' ';
  }

  // ASCII has no accents: decomposing it again would only cost time.
  const bool strip = settings_.strip_accents && !is_ascii(cleaned);
  if (strip) cleaned = to_normal_form(cleaned, NormalForm::kNfd);
  if (!strip && !settings_.lowercase) return cleaned;
  std::string normalized;
  normalized.reserve(cleaned.size());
  for (std::size_t at = 0; at < cleaned.size();) {
    const char32_t c = next_code_point(cleaned, at);
    if (strip && is_nonspacing_mark(c)) continue;
    if (settings_.lowercase) {
      append_lowercase(normalized, c);
    } else {
      append_code_point(normalized, c);
    }
  }
  return normalized;
}

}  // namespace plateau::trainer
