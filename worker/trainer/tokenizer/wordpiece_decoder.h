// The WordPiece decoder: pieces that continue a word are glued on, others get a space.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/trainer/tokenizer/components.h"

namespace plateau::trainer {

class WordPieceDecoder : public Decoder {
 public:
  // `cleanup` takes the space before punctuation and English contractions away again.
  WordPieceDecoder(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  std::vector<std::string> decode(std::vector<std::string> tokens) const override;

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace plateau::trainer
