#include "worker/trainer/tokenizer/bpe.h"

#include <cstdio>
#include <queue>
#include <tuple>
#include <utility>

#include "worker/trainer/tokenizer/unicode.h"

namespace plateau::trainer {
namespace {

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

// A token of the word as it is merged; a doubly linked list in an array.
struct Symbol {
  std::int32_t id = 0;
  std::ptrdiff_t previous = -1;
  std::ptrdiff_t next = -1;
  bool is_merged_away = false;
};

// A merge that was possible when it was queued.
struct Candidate {
  std::int32_t rank = 0;
  std::ptrdiff_t left = 0;
  std::int32_t id = 0;
  // priority_queue keeps the largest on top: the smallest rank, then the leftmost, comes first.
  bool operator<(const Candidate& other) const {
    return std::tie(rank, left) > std::tie(other.rank, other.left);
  }
};

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, Settings settings)
    : vocabulary_(std::move(vocabulary)), settings_(settings) {}

Result<Bpe> Bpe::create(Vocabulary vocabulary, const Merges& merges, Settings settings,
                        const std::string& name) {
  Bpe bpe(std::move(vocabulary), settings);
  bpe.merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto left_id = bpe.vocabulary_.id(left);
    const auto right_id = bpe.vocabulary_.id(right);
    const auto merged_id = bpe.vocabulary_.id(left + right);
    if (!left_id || !right_id || !merged_id) {
      return corrupt(name + ": merge " + std::to_string(rank) + " (\"" + left + "\" and \"" +
                     right + "\") needs a token that is not in the vocabulary. Fetch it again.");
    }
    // Of a pair that is listed twice the first, more important one counts.
    bpe.merges_.try_emplace(pair_key(*left_id, *right_id),
                            Merge{static_cast<std::int32_t>(rank), *merged_id});
  }
  return bpe;
}

const Bpe::Merge* Bpe::find_merge(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

bool Bpe::append_bytes(std::string_view character, std::vector<std::int32_t>& ids) const {
  std::vector<std::int32_t> bytes;
  for (const char byte : character) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>",
                  static_cast<unsigned>(static_cast<unsigned char>(byte)));
    const std::optional<std::int32_t> id = vocabulary_.id(name);
    if (!id) return false;
    bytes.push_back(*id);
  }
  ids.insert(ids.end(), bytes.begin(), bytes.end());
  return true;
}

std::vector<std::int32_t> Bpe::characters(std::string_view word) const {
  std::vector<std::int32_t> ids;
  bool unknown_before = false;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t start = at;
    next_code_point(word, at);
    const std::string_view character = word.substr(start, at - start);
    if (const std::optional<std::int32_t> id = vocabulary_.id(character)) {
      ids.push_back(*id);
      unknown_before = false;
      continue;
    }
    if (settings_.byte_fallback && append_bytes(character, ids)) {
      unknown_before = false;
      continue;
    }
    const bool is_fused = unknown_before && settings_.fuse_unknown;
    if (settings_.unknown_id && !is_fused) ids.push_back(*settings_.unknown_id);
    unknown_before = settings_.unknown_id.has_value();
  }
  return ids;
}

void Bpe::tokenize(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (settings_.ignore_merges) {
    if (const std::optional<std::int32_t> id = vocabulary_.id(word)) {
      ids.push_back(*id);
      return;
    }
  }
  const std::vector<std::int32_t> start = characters(word);
  std::vector<Symbol> symbols(start.size());
  std::priority_queue<Candidate> queue;
  const auto offer = [&](std::ptrdiff_t left) {
    if (left < 0 || symbols[static_cast<std::size_t>(left)].next < 0) return;
    const Symbol& first = symbols[static_cast<std::size_t>(left)];
    const Symbol& second = symbols[static_cast<std::size_t>(first.next)];
    const Merge* const merge = find_merge(first.id, second.id);
    if (merge != nullptr) queue.push({merge->rank, left, merge->id});
  };
  for (std::size_t i = 0; i < start.size(); ++i) {
    const auto place = static_cast<std::ptrdiff_t>(i);
    symbols[i] = {start[i], place - 1, i + 1 < start.size() ? place + 1 : -1, false};
  }
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
    offer(static_cast<std::ptrdiff_t>(i));

  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<std::size_t>(top.left)];
    if (left.is_merged_away || left.next < 0) continue;
    Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    // An earlier merge may have changed either side since this one was queued.
    const Merge* const merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->id != top.id) continue;
    left.id = top.id;
    right.is_merged_away = true;
    left.next = right.next;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = top.left;
    offer(left.previous);
    offer(top.left);
  }
  for (const Symbol& symbol : symbols) {
    if (!symbol.is_merged_away) ids.push_back(symbol.id);
  }
}

}  // namespace plateau::trainer
