// Which tokens an intervention acts on: pyreft's "fN+lM", parsed by common/spec/methods.h.
#pragma once

#include <cstdint>
#include <vector>

#include "common/spec/methods.h"

namespace plateau::trainer {

// Positions in a text of `length` tokens. Each side takes at most half of the text, rounded down,
// so the two never meet; a text of one token has none. (pyreft fills up the places that are then
// missing with a padding token, which nothing reads; here they do not exist.)
std::vector<std::int64_t> first_positions(const Positions& positions, std::int64_t length);
std::vector<std::int64_t> last_positions(const Positions& positions, std::int64_t length);

}  // namespace plateau::trainer
