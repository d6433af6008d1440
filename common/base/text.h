// Small text helpers that every program needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plateau {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);

// The candidate with the smallest edit distance to `word` (insert, delete, replace, swap of
// neighbours; capitals count as small letters), if that is at most a third of the longer word,
// rounded up, and they have something in common. For "did you mean".
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

// The shortest decimal that reads back as the same double: 0.003, 1e-05, 12.
std::string format_number(double value);

}  // namespace plateau
