// Which tokens an intervention acts on: pyreft's "fN+lM".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

// The first and the last tokens of a text.
struct Positions {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// "f5+l5", "f1", "l3". kInvalidArgument for anything else, and for none at all.
Result<Positions> parse_positions(const std::string& text);

// Positions in a text of `length` tokens. Each side takes at most half of the text, rounded down,
// so the two never meet; a text of one token has none. (pyreft fills up the places that are then
// missing with a padding token, which nothing reads; here they do not exist.)
std::vector<std::int64_t> first_positions(const Positions& positions, std::int64_t length);
std::vector<std::int64_t> last_positions(const Positions& positions, std::int64_t length);

}  // namespace plateau::trainer
