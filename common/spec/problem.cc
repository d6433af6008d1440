#include "common/spec/problem.h"

#include <algorithm>

#include "common/base/text.h"

namespace plateau {
namespace {

// 'grid_search' for 'grid', 'tweets' for 'tweets-sentiment': of several the one nearest in length.
std::optional<std::string> by_beginning(std::string_view word,
                                        const std::vector<std::string>& candidates) {
  constexpr std::size_t kShortest = 3;
  const auto apart = [&](const std::string& candidate) {
    return candidate.size() > word.size() ? candidate.size() - word.size()
                                          : word.size() - candidate.size();
  };
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const bool begins = std::min(word.size(), candidate.size()) >= kShortest &&
                        (candidate.starts_with(word) || word.starts_with(candidate));
    if (begins && (!best || apart(candidate) < apart(*best))) best = candidate;
  }
  return best;
}

}  // namespace

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
  auto near = nearest(word, candidates);
  if (!near) near = by_beginning(word, candidates);
  return near && *near != word ? " Did you mean '" + *near + "'?" : "";
}

}  // namespace plateau
