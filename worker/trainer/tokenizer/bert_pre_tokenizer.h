// BertPreTokenizer: words end at white space; each punctuation character is a word of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/trainer/tokenizer/components.h"

namespace plateau::trainer {

class BertPreTokenizer : public PreTokenizer {
 public:
  std::vector<std::string> split(std::string_view piece, bool at_start) const override;
};

}  // namespace plateau::trainer
