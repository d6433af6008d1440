#include "worker/trainer/adapters/positions.h"

#include <algorithm>
#include <numeric>

namespace plateau::trainer {
namespace {

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), begin);
  return values;
}

}  // namespace

std::vector<std::int64_t> first_positions(const Positions& positions, std::int64_t length) {
  return range(0, std::min(positions.first, length / 2));
}

std::vector<std::int64_t> last_positions(const Positions& positions, std::int64_t length) {
  const std::int64_t count = std::min(positions.last, length / 2);
  return range(length - count, count);
}

}  // namespace plateau::trainer
