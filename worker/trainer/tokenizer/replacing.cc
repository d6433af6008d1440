#include "worker/trainer/tokenizer/replacing.h"

#include <charconv>
#include <optional>

#include "worker/trainer/tokenizer/splitting.h"

namespace plateau::trainer {
namespace {

// "<0xE4>" -> 0xE4
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc{} || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

std::string PrependNormalizer::normalize(std::string_view text) const {
  return text.empty() ? std::string() : prefix_ + std::string(text);
}

std::string ReplaceNormalizer::normalize(std::string_view text) const {
  return pattern_.replace_all(text, by_);
}

std::string UnicodeNormalizer::normalize(std::string_view text) const {
  return is_ascii(text) ? std::string(text) : to_normal_form(text, form_);
}

std::vector<std::string> ReplaceDecoder::decode(std::vector<std::string> tokens) const {
  for (std::string& token : tokens)
    token = pattern_.replace_all(token, by_);
  return tokens;
}

std::vector<std::string> ByteFallbackDecoder::decode(std::vector<std::string> tokens) const {
  std::vector<std::string> decoded;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_utf8(bytes)) {
      decoded.push_back(bytes);
    } else {
      decoded.insert(decoded.end(), bytes.size(), "\ufffd");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const std::optional<char> byte = byte_of(token)) {
      bytes += *byte;
      continue;
    }
    flush();
    decoded.push_back(std::move(token));
  }
  flush();
  return decoded;
}

std::vector<std::string> FuseDecoder::decode(std::vector<std::string> tokens) const {
  std::string fused;
  for (const std::string& token : tokens)
    fused += token;
  return {fused};
}

std::vector<std::string> StripDecoder::decode(std::vector<std::string> tokens) const {
  for (std::string& token : tokens) {
    for (std::size_t i = 0; i < start_ && token.starts_with(content_); ++i)
      token.erase(0, content_.size());
    for (std::size_t i = 0; i < stop_ && token.ends_with(content_); ++i)
      token.resize(token.size() - content_.size());
  }
  return tokens;
}

std::vector<std::string> MetaspaceDecoder::decode(std::vector<std::string> tokens) const {
  static const Regex kPattern = Regex::literal(kMetaspace);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = kPattern.replace_all(tokens[i], i == 0 && is_prepended_ ? "" : " ");
  }
  return tokens;
}

}  // namespace plateau::trainer
