#include "common/spec/problem.h"

#include <algorithm>

#include "common/base/text.h"

namespace plateau {

std::string Place::text() const {
  if (line == 0) return source;
  return source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Error problems_error(std::vector<Problem> problems) {
  PLATEAU_CHECK(!problems.empty(), "an error needs a problem");
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::vector<std::string> lines;
  for (const Problem& problem : problems) {
    std::string line = problem.place.text() + ": " + problem.message;
    // The same value can be wrong in many trials: say it once.
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return invalid_argument(join(lines, "\n"));
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = nearest(word, candidates);
  return near && *near != word ? " Did you mean '" + *near + "'?" : "";
}

}  // namespace plateau
