// What is wrong with a user's file, and where: collected, so that one run finds all of it.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau {

// Where a value came from: a file with line and column from 1, or an override (line 0).
struct Place {
  std::string source;  // the file as the user named it, or "override rank=1,2"
  int line = 0;
  int column = 0;
  std::string fragment = {};  // that the value came in with (`extends`); empty: none

  // "sweep.yaml:3:7", "override rank=1,2"
  std::string text() const;
};

struct Problem {
  Place place;
  std::string message;  // what was found, what is allowed, the nearest name
};

// kInvalidArgument with one line a problem, "place: message", in the order of the file.
// At least one problem.
Error problems_error(std::vector<Problem> problems);

// " Did you mean 'x'?" or nothing, for the end of a message.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace plateau
