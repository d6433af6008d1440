#include "worker/trainer/tokenizer/vocabulary.h"

#include <utility>

namespace plateau::trainer {

Result<Vocabulary> Vocabulary::create(std::vector<std::pair<std::string, std::int64_t>> tokens,
                                      const std::string& name) {
  constexpr std::int64_t kIdMax = 1 << 24;
  Vocabulary vocabulary;
  vocabulary.ids_.reserve(tokens.size());
  for (auto& [token, id] : tokens) {
    if (id < 0 || id > kIdMax) {
      return corrupt(name + ": token \"" + token + "\" has the impossible id " +
                     std::to_string(id) + ". Fetch the file again.");
    }
    const auto index = static_cast<std::size_t>(id);
    if (index >= vocabulary.tokens_.size()) vocabulary.tokens_.resize(index + 1);
    if (vocabulary.tokens_[index]) {
      return corrupt(name + ": the tokens \"" + *vocabulary.tokens_[index] + "\" and \"" + token +
                     "\" have the same id " + std::to_string(id) + ". Fetch the file again.");
    }
    vocabulary.tokens_[index] = token;
    vocabulary.ids_.emplace(std::move(token), static_cast<std::int32_t>(id));
  }
  return vocabulary;
}

std::optional<std::int32_t> Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> Vocabulary::token(std::int32_t id) const {
  const auto index = static_cast<std::size_t>(id);
  if (id < 0 || index >= tokens_.size() || !tokens_[index]) return std::nullopt;
  return *tokens_[index];
}

}  // namespace plateau::trainer
