// Tokens and their ids, both ways.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

class Vocabulary {
 public:
  // kCorrupt: an id twice, or one that is negative or over 16 million. `name` is the file.
  static Result<Vocabulary> create(std::vector<std::pair<std::string, std::int64_t>> tokens,
                                   const std::string& name);

  std::optional<std::int32_t> id(std::string_view token) const;
  std::optional<std::string_view> token(std::int32_t id) const;
  std::size_t size() const { return ids_.size(); }

 private:
  struct Hash {
    using is_transparent = void;  // Look-ups by string_view, without a copy.
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
  std::vector<std::optional<std::string>> tokens_;  // by id; ids may leave gaps
};

}  // namespace plateau::trainer
