#include <algorithm>

#include "common/spec/sweep.h"

namespace plateau {
namespace {

// Small enough for a minute on two cores, large enough that every class is seen.
const std::vector<std::pair<std::string, nlohmann::json>>& smoke_values() {
  static const std::vector<std::pair<std::string, nlohmann::json>> values = {
      {"train_size", 48}, {"validation_size", 24}, {"test_size", 48},
      {"epochs", 1},      {"evaluations", 1},      {"max_length", 32}};
  return values;
}

bool is_zipped(const Sweep& sweep, const std::string& name) {
  return std::any_of(sweep.zips.begin(), sweep.zips.end(), [&](const auto& zip) {
    return std::find(zip.begin(), zip.end(), name) != zip.end();
  });
}

}  // namespace

Sweep smoke(Sweep sweep) {
  const Place place{"--smoke", 0, 0};
  auto& parameters = sweep.parameters;
  for (const auto& [name, value] : smoke_values()) {
    parameters.erase(
        std::remove_if(parameters.begin(), parameters.end(),
                       [&, &wanted = name](const SweepParameter& p) { return p.name == wanted; }),
        parameters.end());
    SweepParameter parameter;
    parameter.name = name;
    parameter.place = place;
    parameter.values = {{value, place}};
    parameters.push_back(std::move(parameter));
  }
  for (SweepParameter& parameter : parameters) {
    const bool selected =
        std::find(sweep.select.begin(), sweep.select.end(), parameter.name) != sweep.select.end();
    const bool shrinks =
        parameter.name == "seed" || (selected && !is_zipped(sweep, parameter.name));
    if (shrinks && parameter.values.size() > 1) parameter.values.resize(1);
  }
  // A zip group goes on without the parameters that are constant now.
  for (auto& zip : sweep.zips) {
    for (const auto& [name, value] : smoke_values())
      zip.erase(std::remove(zip.begin(), zip.end(), name), zip.end());
  }
  sweep.name += "-smoke";
  return sweep;
}

}  // namespace plateau
