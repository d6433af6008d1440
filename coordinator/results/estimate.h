// One number out of several seeds, with its spread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/statistics/intervals.h"
#include "coordinator/results/table_spec.h"

namespace plateau::results {

// In the unit of the values.
struct Estimate {
  double center = 0.0;
  std::optional<double> half;                    // printed after ±
  std::optional<statistics::Interval> interval;  // printed in brackets
};

// The resamples of the bootstrap are drawn from a seed that is the same for the same `name`, so a
// cell keeps its interval whatever else is in the table. nullopt: no values. One value has no
// spread.
std::optional<Estimate> estimate(const std::vector<double>& values, Aggregate aggregate,
                                 const std::string& name);

// Resamples of `count` places, drawn with replacement.
std::vector<std::vector<std::size_t>> resamples_of(std::size_t count, std::size_t resamples,
                                                   const std::string& name);

}  // namespace plateau::results
