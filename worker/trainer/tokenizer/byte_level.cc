#include "worker/trainer/tokenizer/byte_level.h"

#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

constexpr const char* kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Printable bytes stand for themselves; the others for U+0100, U+0101, ... in their order.
const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> kCharacters = [] {
    std::array<char32_t, 256> characters{};
    char32_t next = 0x100;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const bool is_printable =
          (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
      characters[byte] = is_printable ? static_cast<char32_t>(byte) : next++;
    }
    return characters;
  }();
  return kCharacters;
}

// The bytes of a token; nothing when a character stands for no byte.
std::optional<std::string> token_bytes(std::string_view token) {
  static const std::unordered_map<char32_t, char> kBytes = [] {
    std::unordered_map<char32_t, char> bytes;
    for (std::size_t byte = 0; byte < 256; ++byte)
      bytes.emplace(byte_characters()[byte], static_cast<char>(byte));
    return bytes;
  }();
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const auto found = kBytes.find(next_code_point(token, at));
    if (found == kBytes.end()) return std::nullopt;
    bytes += found->second;
  }
  return bytes;
}

}  // namespace

std::string bytes_to_byte_characters(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes)
    append_code_point(text, byte_characters()[static_cast<unsigned char>(byte)]);
  return text;
}

ByteLevelPreTokenizer::ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex)
    : add_prefix_space_(add_prefix_space),
      use_regex_(use_regex),
      words_(std::move(Regex::compile(kGpt2Words, "the words of GPT-2").value())) {}

std::vector<std::string> ByteLevelPreTokenizer::split(std::string_view piece,
                                                      bool /*at_start*/) const {
  std::string text(piece);
  if (add_prefix_space_ && !piece.starts_with(' ')) text.insert(0, " ");
  if (!use_regex_) return {bytes_to_byte_characters(text)};
  std::vector<std::string> words;
  for (const RegexPiece& word : words_.split(text))
    words.push_back(bytes_to_byte_characters(word.text));
  return words;
}

std::vector<std::string> ByteLevelDecoder::decode(std::vector<std::string> tokens) const {
  std::string bytes;
  for (const std::string& token : tokens)
    bytes += token_bytes(token).value_or(token);
  return {with_replacement_characters(bytes)};
}

}  // namespace plateau::trainer
