// Inside of read_parameters: a parameter while it is read.
#pragma once

#include <optional>

#include "common/spec/yaml/reader.h"

namespace plateau {

// The parameter under construction and what is allowed for it.
struct Draft {
  SweepParameter parameter;
  const ParameterSchema* schema = nullptr;  // nullptr: base, task, adapter
};

// Whether `distribution` of the mapping is absent or the name of one; a problem if not: then the
// other keys are its own, and nothing is said of them.
bool distribution_is_known(ReadContext& context, const YamlNode& node);

// A mapping without value, values and expression: `distribution`, or `min` and `max` alone, which
// are int_uniform (whole numbers) or uniform. nullopt after a problem.
std::optional<Distribution> read_distribution(ReadContext& context, const Draft& draft,
                                              const YamlNode& node);

// Where the ends of a distribution stand.
void note_ends(Draft& draft, const YamlNode& node);

// `distribution` beside value or values: constant or categorical.
void check_distribution_of_values(ReadContext& context, const Draft& draft, const YamlNode& node);

}  // namespace plateau
