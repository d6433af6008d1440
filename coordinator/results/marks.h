// Best, second best, and what cannot be told from the best, in one column of a table.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coordinator/results/table.h"

namespace plateau::results {

// A value that takes part: complete, and of the same base and protocol as the others.
struct Candidate {
  Entry* entry = nullptr;                 // with its printed text; gets the marks
  std::map<std::uint64_t, double> seeds;  // to pair by
  bool higher_is_better = true;
};

// What the marks can say; several columns add up.
struct MarkFacts {
  bool compared = false;    // some column had two candidates
  std::size_t tested = 0;   // columns where the seeds suffice for a p below the level
  std::size_t too_few = 0;  // columns where no p below the level can be reached
  double smallest_p = 1.0;  // of the columns with too few, after Holm: the best of them
  std::size_t most_pairs = 0;
};

// Values are compared as printed: two that look alike carry the same mark. Against the best (the
// first of equals) every other value that shares two seeds with it is tested by the exact paired
// permutation test with Holm over the column; what is not significant at 0.05 is marked so.
void mark_column(const std::vector<Candidate>& candidates, MarkFacts& facts);

// "" where no column had anything to compare.
std::string significance_note(const MarkFacts& facts);

}  // namespace plateau::results
