// A std::span as a list, for matchers.
#pragma once

#include <span>
#include <vector>

namespace plateau::trainer {

// For ElementsAre: GoogleTest 1.11 asks for a const_iterator, which std::span has from C++23 on.
template <typename Value>
std::vector<Value> list(std::span<const Value> values) {
  return {values.begin(), values.end()};
}

}  // namespace plateau::trainer
