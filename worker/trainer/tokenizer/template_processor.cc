#include "worker/trainer/tokenizer/template_processor.h"

#include <utility>

#include "common/base/check.h"

namespace plateau::trainer {

TemplateProcessor::TemplateProcessor()
    : single_{{Sequence::kFirst, 0}}, pair_{{Sequence::kFirst, 0}, {Sequence::kSecond, 1}} {}

TemplateProcessor::TemplateProcessor(std::vector<Piece> single, std::vector<Piece> pair)
    : single_(std::move(single)), pair_(std::move(pair)) {}

std::size_t TemplateProcessor::added_tokens(bool is_pair) const {
  std::size_t count = 0;
  for (const Piece& piece : is_pair ? pair_ : single_) {
    if (const auto* special = std::get_if<std::vector<std::int32_t>>(&piece.what)) {
      count += special->size();
    }
  }
  return count;
}

TemplateProcessor::Output TemplateProcessor::process(const std::vector<std::int32_t>& first,
                                                     const std::vector<std::int32_t>* second,
                                                     bool add_special_tokens) const {
  Output output;
  for (const Piece& piece : second != nullptr ? pair_ : single_) {
    const std::vector<std::int32_t>* tokens = std::get_if<std::vector<std::int32_t>>(&piece.what);
    if (tokens != nullptr && !add_special_tokens) continue;
    if (tokens == nullptr) {
      tokens = std::get<Sequence>(piece.what) == Sequence::kFirst ? &first : second;
      PLATEAU_CHECK(tokens != nullptr, "a template for one text that asks for two");
    }
    output.ids.insert(output.ids.end(), tokens->begin(), tokens->end());
    output.type_ids.resize(output.ids.size(), piece.type_id);
  }
  return output;
}

}  // namespace plateau::trainer
