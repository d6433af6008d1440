// What a sweep may set beside the method's own parameters: the fields of a trial, by the name they
// have in sweep files. One table serves the reader, the expansion and the schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/spec/methods.h"
#include "common/spec/trial.h"

namespace plateau {

struct TrialField {
  ParameterSchema schema;    // name, type, limits and default as in a sweep file
  std::string json_pointer;  // where it stands in a resolved trial: "/optimizer/learning_rate"
  // Puts a value that the schema accepts into a trial.
  void (*set)(Trial& trial, const nlohmann::json& value) = nullptr;
};

const std::vector<TrialField>& trial_fields();
const TrialField* find_field(std::string_view name);

// Everything that may stand under `parameters`: base, task, adapter, the trial's fields and the
// parameters of all methods, each once.
const std::vector<std::string>& parameter_names();

// The schema of a parameter by name: a field's, or that of the first method (not a baseline) which
// has it; nullptr for base, task, adapter and unknown names.
const ParameterSchema* parameter_schema(std::string_view name);

// Methods (not baselines) that have this parameter of their own; empty for fields.
std::vector<std::string> methods_with(std::string_view parameter);

// What other programs call it, for errors: "lr" -> "learning_rate". Empty when nothing is known.
std::string known_alias(std::string_view name);

}  // namespace plateau
