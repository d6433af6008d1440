#include "worker/trainer/tokenizer/gguf_sentencepiece.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

namespace plateau::trainer {
namespace {

// Whether a character of UTF-8 begins there.
bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), begins_character);
}

struct Merge {
  std::string left, right;
  double score = 0.0;

  std::tuple<double, std::int64_t, std::int64_t> rank() const {
    return {score, characters(left), characters(right)};
  }
};

}  // namespace

std::vector<std::pair<std::string, std::string>> merges_of_scores(
    const std::vector<ScoredPiece>& pieces) {
  std::map<std::string_view, std::size_t> ids;
  for (std::size_t id = 0; id < pieces.size(); ++id)
    ids.emplace(pieces[id].text, id);
  std::vector<Merge> merges;
  for (const ScoredPiece& piece : pieces) {
    if (!piece.is_plain) continue;
    for (std::size_t cut = 1; cut < piece.text.size(); ++cut) {
      if (!begins_character(piece.text[cut])) continue;
      const std::string left = piece.text.substr(0, cut), right = piece.text.substr(cut);
      if (ids.contains(left) && ids.contains(right)) merges.push_back({left, right, piece.score});
    }
  }
  std::stable_sort(merges.begin(), merges.end(),
                   [](const Merge& a, const Merge& b) { return a.rank() > b.rank(); });
  std::vector<std::pair<std::string, std::string>> pairs;
  for (Merge& merge : merges)
    pairs.emplace_back(std::move(merge.left), std::move(merge.right));
  return pairs;
}

}  // namespace plateau::trainer
