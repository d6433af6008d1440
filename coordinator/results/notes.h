// What must stand under a table so that its numbers can be read rightly.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/summary.h"
#include "coordinator/results/table_spec.h"

namespace plateau::results {

// Seeds and ranks from which a sweep may show a plateau at all: five paired differences are the
// fewest a reviewer takes, and a broken line has three parameters beside its noise.
inline constexpr std::size_t kSeedsForPlateau = 5;
inline constexpr std::size_t kRanksForPlateau = 5;

// Sentences, in this order: how to read the numbers (always the first), parameters, what is missing
// and why, what collapsed, whether a plateau could be seen, learning rate, scaling of alpha,
// protocol and devices, base, tasks.
std::vector<std::string> table_notes(const Summary& summary,
                                     Aggregate aggregate = Aggregate::kDeviation);

// The parts of it that other outputs print too.
std::vector<std::string> missing_notes(const Summary& summary);
std::vector<std::string> collapsed_notes(const Summary& summary);
std::vector<std::string> plateau_notes(const Summary& summary);
std::vector<std::string> learning_rate_notes(const Summary& summary);
std::vector<std::string> scaling_notes(const Summary& summary);
std::vector<std::string> protocol_notes(const Summary& summary);
std::vector<std::string> data_notes(const Summary& summary);

}  // namespace plateau::results
