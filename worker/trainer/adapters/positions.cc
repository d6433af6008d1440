#include "worker/trainer/adapters/positions.h"

#include <algorithm>
#include <numeric>

#include "common/base/text.h"

namespace plateau::trainer {
namespace {

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), begin);
  return values;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 6 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<Positions> parse_positions(const std::string& text) {
  Positions positions;
  bool good = true;
  for (const std::string& part : split(text, '+')) {
    const std::string_view number =
        std::string_view(part).substr(std::min<std::size_t>(1, part.size()));
    if (!is_number(number)) {
      good = false;
    } else if (part[0] == 'f' && positions.first == 0) {
      positions.first = std::stoll(std::string(number));
    } else if (part[0] == 'l' && positions.last == 0) {
      positions.last = std::stoll(std::string(number));
    } else {
      good = false;
    }
  }
  if (good && positions.first + positions.last > 0) return positions;
  return invalid_argument("positions '" + text +
                          "' are not understood; give the first N and the last M tokens as fN+lM, "
                          "for example f1+l1, f5 or l3");
}

std::vector<std::int64_t> first_positions(const Positions& positions, std::int64_t length) {
  return range(0, std::min(positions.first, length / 2));
}

std::vector<std::int64_t> last_positions(const Positions& positions, std::int64_t length) {
  const std::int64_t count = std::min(positions.last, length / 2);
  return range(length - count, count);
}

}  // namespace plateau::trainer
