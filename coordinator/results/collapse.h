// Runs that ended, but not in a model: below chance, or with answers that cannot be read.
#pragma once

#include <optional>
#include <string>

#include "coordinator/results/summary.h"

namespace plateau::results {

// A final test metric of this name is the share of answers that could not be parsed.
inline constexpr char kUnparsedMetric[] = "unparsed";
inline constexpr double kMostUnparsed = 0.5;

// What guessing reaches, as stored (not times 100): the majority class's value where the run has
// that baseline; else 1 / classes for accuracy and 0 for correlations; nullopt where nothing is
// known, and for metrics of which less is better.
std::optional<double> chance_of(const Summary& summary, const Cell& cell);

// Fills SeedResult::collapsed of every cell that is no baseline.
void flag_collapsed(const RunView& run, Summary& summary);

}  // namespace plateau::results
