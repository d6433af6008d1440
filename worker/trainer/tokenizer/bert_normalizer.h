// BertNormalizer: BERT's cleaning of text, as Hugging Face's tokenizers does it.
#pragma once

#include <string>
#include <string_view>

#include "worker/trainer/tokenizer/components.h"

namespace plateau::trainer {

class BertNormalizer : public Normalizer {
 public:
  struct Settings {
    bool clean_text = true;            // controls and U+FFFD go, every white space becomes ' '
    bool handle_chinese_chars = true;  // a space on both sides of each ideograph
    bool strip_accents = true;         // decompose, then drop non-spacing marks
    bool lowercase = true;
  };
  explicit BertNormalizer(Settings settings) : settings_(settings) {}

  std::string normalize(std::string_view text) const override;

 private:
  Settings settings_;
};

}  // namespace plateau::trainer
