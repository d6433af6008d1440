#include "worker/trainer/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

namespace plateau::trainer {
namespace {

// How many tokens of two texts stay when `budget` is less than both: the longer one is cut first,
// then both, the second keeping the odd one. (The reference's rule, its tie included.)
std::pair<std::size_t, std::size_t> longest_first(std::size_t first, std::size_t second,
                                                  std::size_t budget) {
  if (first + second <= budget) return {first, second};
  const bool swapped = first > second;
  std::size_t shorter = std::min(first, second);
  std::size_t longer = shorter > budget ? shorter : std::max(shorter, budget - shorter);
  if (shorter + longer > budget) {
    shorter = budget / 2;
    longer = shorter + budget % 2;
  }
  return swapped ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  PLATEAU_CHECK(parts_.model != nullptr, "a tokenizer without a model");
}

void Tokenizer::tokenize_segment(std::string_view segment, bool at_start,
                                 std::vector<std::int32_t>& ids) const {
  std::vector<std::string> words{std::string(segment)};
  for (const std::unique_ptr<PreTokenizer>& pre_tokenizer : parts_.pre_tokenizers) {
    std::vector<std::string> finer;
    bool first = at_start;
    for (const std::string& word : words) {
      for (std::string& piece : pre_tokenizer->split(word, first))
        finer.push_back(std::move(piece));
      first = false;
    }
    words = std::move(finer);
  }
  for (const std::string& word : words)
    parts_.model->tokenize(word, ids);
}

std::vector<std::int32_t> Tokenizer::tokenize(std::string_view text) const {
  std::vector<std::int32_t> ids;
  bool at_start = true;
  for (const Segment& raw : parts_.added.split(text, /*normalized=*/false)) {
    if (raw.id) {
      ids.push_back(*raw.id);
      at_start = false;
      continue;
    }
    std::string normalized(raw.text);
    for (const std::unique_ptr<Normalizer>& normalizer : parts_.normalizers) {
      normalized = normalizer->normalize(normalized);
    }
    for (const Segment& segment : parts_.added.split(normalized, /*normalized=*/true)) {
      if (segment.id) {
        ids.push_back(*segment.id);
      } else {
        tokenize_segment(segment.text, at_start, ids);
      }
      at_start = false;
    }
  }
  return ids;
}

Encoding Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                           const EncodeOptions& options) const {
  std::vector<std::int32_t> first = tokenize(text);
  std::vector<std::int32_t> second;
  if (pair) second = tokenize(*pair);

  Encoding encoding;
  if (options.max_length > 0) {
    const std::size_t added =
        options.add_special_tokens ? parts_.post_processor.added_tokens(pair.has_value()) : 0;
    const auto length = static_cast<std::size_t>(options.max_length);
    const std::size_t budget = length > added ? length - added : 0;
    const auto [keep_first, keep_second] =
        pair ? longest_first(first.size(), second.size(), budget)
             : std::pair(std::min(first.size(), budget), std::size_t{0});
    encoding.truncated = keep_first < first.size() || keep_second < second.size();
    first.resize(keep_first);
    second.resize(keep_second);
  }
  TemplateProcessor::Output output =
      parts_.post_processor.process(first, pair ? &second : nullptr, options.add_special_tokens);
  encoding.ids = std::move(output.ids);
  encoding.type_ids = std::move(output.type_ids);
  return encoding;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids) {
    std::optional<std::string_view> token = parts_.added.token(id);
    if (!token) token = parts_.model->token(id);
    if (!token || (skip_special_tokens && parts_.added.is_special(*token))) continue;
    tokens.emplace_back(*token);
  }
  for (const std::unique_ptr<Decoder>& decoder : parts_.decoders)
    tokens = decoder->decode(std::move(tokens));
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && parts_.decoders.empty()) text += ' ';  // Nothing says how tokens join.
    text += tokens[i];
  }
  return text;
}

}  // namespace plateau::trainer
