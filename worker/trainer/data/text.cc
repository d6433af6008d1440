#include "worker/trainer/data/text.h"

#include <array>
#include <cstdint>

namespace plateau::trainer {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// The length of the well-formed sequence at `at`; 0 when there is none. Unicode 15, table 3-7.
std::size_t sequence_length(std::string_view bytes, std::size_t at) {
  const unsigned lead = byte_at(bytes, at);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > bytes.size()) return 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead == 0xe0) low = 0xa0;   // overlong
  if (lead == 0xed) high = 0x9f;  // surrogates
  if (lead == 0xf0) low = 0x90;   // overlong
  if (lead == 0xf4) high = 0x8f;  // above U+10FFFF
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = byte_at(bytes, at + i);
    if (next < low || next > high) return 0;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

// 0x80 to 0x9f of windows-1252; all other bytes are Latin-1.
constexpr std::array<std::uint16_t, 32> kCp1252{
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

void append_utf8(std::string& text, unsigned c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xc0 | (c >> 6));
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    text += static_cast<char>(0xe0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  }
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_kept_in_tweets(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@' || c == '#' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Removes each "http://..." and "https://..." up to the next white space.
std::string without_links(std::string text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    std::size_t at = 0;
    while ((at = text.find(scheme, at)) != std::string::npos) {
      std::size_t end = at;
      while (end < text.size() && !is_space(text[end]))
        ++end;
      text.erase(at, end - at);
    }
  }
  return text;
}

// "rt @name: text" -> " text"
std::string_view without_retweet(std::string_view text) {
  if (!text.starts_with("rt @")) return text;
  const std::size_t end = text.find_first_of(": ", 4);
  return end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = sequence_length(bytes, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::string decode_cp1252(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 16);
  for (const char c : bytes) {
    const unsigned byte = static_cast<unsigned char>(c);
    append_utf8(text, byte >= 0x80 && byte < 0xa0 ? kCp1252[byte - 0x80] : byte);
  }
  return text;
}

std::string_view without_bom(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

std::string normalised_text(std::string_view text) {
  std::string normalised;
  normalised.reserve(text.size());
  bool gap = false;
  for (const char c : text) {
    if (is_space(c)) {
      gap = !normalised.empty();
      continue;
    }
    if (gap) normalised += ' ';
    gap = false;
    normalised += lower(c);
  }
  return normalised;
}

std::string normalised_tweet(std::string_view text) {
  const std::string plain = without_links(normalised_text(text));
  std::string kept;
  for (const char c : without_retweet(plain))
    kept += is_kept_in_tweets(c) ? c : ' ';
  return normalised_text(kept);
}

}  // namespace plateau::trainer
