// What a search may choose at most, before it has chosen anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/spec/sweep.h"

namespace plateau {

// A search as a grid over the ends of what it chooses from, to look for mistakes there and to
// estimate: listed values as they are, of a distribution its lowest and highest value (of a normal
// one, which has no end, those that 0.1 % of the draws are beyond). What changes neither size nor
// time of a trial, and that nothing refers to, has one value, and so have seeds.
struct SearchEnds {
  Sweep grid;
  // Parameters that lack values, since all combinations would be too many: of numbers those between
  // the ends, of others all but the first.
  std::vector<std::string> thinned;
};

// nullopt: there are too many combinations whatever is left out.
std::optional<SearchEnds> search_ends(const Sweep& sweep);

// The value at the share `u` of the parameter's distribution: a whole number where it takes those.
nlohmann::json value_of_distribution(const SweepParameter& parameter, double u);

}  // namespace plateau
