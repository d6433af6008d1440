// Unicode questions that the tokenizers ask, answered by ICU. UTF-8 in, UTF-8 out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plateau::trainer {

// The code point at byte `at`, which moves behind it. A broken sequence gives U+FFFD and moves by
// at least one byte. at < text.size().
char32_t next_code_point(std::string_view text, std::size_t& at);
void append_code_point(std::string& text, char32_t code_point);
std::size_t count_code_points(std::string_view text);
bool is_ascii(std::string_view text);
bool is_utf8(std::string_view bytes);
// The bytes as UTF-8: each maximal broken sequence becomes one U+FFFD.
std::string with_replacement_characters(std::string_view bytes);

bool is_whitespace(char32_t c);       // property White_Space
bool is_control(char32_t c);          // categories Cc, Cf, Co; neither Cn nor Cs
bool is_punctuation(char32_t c);      // categories P*
bool is_nonspacing_mark(char32_t c);  // category Mn
bool is_word_character(char32_t c);   // \w as in regular expressions: letters, marks, digits, Pc

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
std::string to_normal_form(std::string_view text, NormalForm form);
// Lower case, code point by code point (no final sigma): what the Rust library does.
void append_lowercase(std::string& text, char32_t c);

}  // namespace plateau::trainer
