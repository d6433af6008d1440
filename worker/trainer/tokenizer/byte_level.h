// Byte-level text (GPT-2): every byte has a printable character of its own, so that no text is
// unknown. Radford et al. 2019.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/regex.h"

namespace plateau::trainer {

// Bytes as the characters that stand for them.
std::string bytes_to_byte_characters(std::string_view bytes);

class ByteLevelPreTokenizer : public PreTokenizer {
 public:
  // `add_prefix_space`: a piece that does not begin with a space gets one. `use_regex`: words are
  // cut as GPT-2 does; off where a Split before it has done that.
  ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex);
  std::vector<std::string> split(std::string_view piece, bool at_start) const override;

 private:
  bool add_prefix_space_;
  bool use_regex_;
  Regex words_;
};

// Back to bytes; what is not UTF-8 then becomes U+FFFD. A token with other characters is text.
class ByteLevelDecoder : public Decoder {
 public:
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;
};

}  // namespace plateau::trainer
