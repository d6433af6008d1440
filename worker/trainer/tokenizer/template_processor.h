// Post-processing: where special tokens stand around one text or two, and their type ids.
//
// TemplateProcessing, BertProcessing and RobertaProcessing are all templates of this kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace plateau::trainer {

class TemplateProcessor {
 public:
  enum class Sequence { kFirst, kSecond };
  // A text, or special tokens, with the type id of all its tokens.
  struct Piece {
    std::variant<Sequence, std::vector<std::int32_t>> what;
    std::int32_t type_id = 0;
  };

  // No special tokens: the first text with type id 0, the second with 1.
  TemplateProcessor();
  TemplateProcessor(std::vector<Piece> single, std::vector<Piece> pair);

  // How many special tokens process() adds.
  std::size_t added_tokens(bool is_pair) const;

  struct Output {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
  };
  // `second` may be null. Without special tokens the order and type ids stay the template's.
  Output process(const std::vector<std::int32_t>& first, const std::vector<std::int32_t>* second,
                 bool add_special_tokens) const;

 private:
  std::vector<Piece> single_;
  std::vector<Piece> pair_;
};

}  // namespace plateau::trainer
