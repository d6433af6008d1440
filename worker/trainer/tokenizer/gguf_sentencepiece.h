// The merges of a SentencePiece tokenizer that is stored as pieces with scores, as Llama 2's is in
// GGUF files. Internal; pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace plateau::trainer {

struct ScoredPiece {
  std::string text;
  double score = 0.0;
  bool is_plain = true;  // no control token, byte or such: may be the result of a merge
};

// Every way to make a piece of two others, the highest score first; of one piece, the longest left
// part first. What Hugging Face's converters make of the same vocabulary.
std::vector<std::pair<std::string, std::string>> merges_of_scores(
    const std::vector<ScoredPiece>& pieces);

}  // namespace plateau::trainer
