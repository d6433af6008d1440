// The table of PEFT methods: which parameters each has, their types, limits and
// defaults.
//
// One table serves the sweep reader (unknown and conditional parameters), the
// JSON form (ranges), the key (defaults), `plateau schema` and the README. The
// trainer registers its code under the same names; a test checks that the two
// lists agree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

enum class ParameterType {
  kInteger,
  kNumber,
  kBoolean,
  kChoice,
  kString,
  kModules,
  kLayers,
  kPattern
};

struct ParameterSchema {
  std::string name;
  ParameterType type;
  nlohmann::json default_value;      // null: required, or derived (alpha from rank)
  std::optional<double> minimum;     // inclusive
  std::optional<double> maximum;     // inclusive
  std::vector<std::string> choices;  // kChoice
  std::string meaning;               // one sentence, for errors and the schema
  // Left out of the resolved parameters where it has its default, so that the
  // keys of trials from before it existed stay what they were.
  bool is_optional = false;

  bool accepts(const nlohmann::json& value) const;  // type and limits
  std::string allowed() const;                      // "a whole number from 1 to 65536"
};

struct MethodSchema {
  std::string name;
  std::string title;         // as in tables: "LoRA"
  std::string source;        // paper
  bool is_baseline = false;  // majority, probe: one trial, not counted among the sweep's trials
  std::vector<ParameterSchema> parameters;

  const ParameterSchema* find(std::string_view parameter) const;
};

// All methods, in the order of the tables.
const std::vector<MethodSchema>& method_schemas();
// nullptr when there is none of that name.
const MethodSchema* find_method(std::string_view name);
std::vector<std::string> method_names();

// LoReFT's `positions`: "f1+l1", "f3", "l2": the first and the last tokens that
// are intervened on.
struct Positions {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
// kInvalidArgument: another form, or no position at all.
Result<Positions> parse_positions(const std::string& text);

// The frozen base answers by the likelihood of the classes' names: method none with a template.
bool answers_by_likelihood(const std::string& method, const nlohmann::json& parameters);

// Fills defaults (alpha = 2 * rank where it is open) and checks names, types
// and limits. One spelling for one meaning, since the result enters the key:
// numbers are doubles where the type is kNumber, lists of modules and layers
// are sorted without repeats, a single module is a list, a pattern is an
// object; is_optional ones are there only with another value than their
// default.
Result<nlohmann::json> resolve_method_parameters(const MethodSchema& method,
                                                 const nlohmann::json& given);

}  // namespace plateau
