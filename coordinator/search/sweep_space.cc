#include "coordinator/search/sweep_space.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "common/base/sha256.h"
#include "common/spec/fields.h"
#include "common/spec/methods.h"

namespace plateau::search {
namespace {

using Json = nlohmann::json;

// A rounded distribution with more values than this is searched as if it were not rounded.
constexpr std::size_t kLevelsMax = 1000;
constexpr int kDepthMax = 50;  // of definitions that depend on each other

int specificity(const SweepParameter& parameter) {
  if (parameter.scope_kind == "adapter") return 3;
  if (parameter.scope_kind == "task") return 2;
  return parameter.scope_kind == "base" ? 1 : 0;
}

bool is_integer(const SweepParameter& parameter) {
  const ParameterSchema* schema = parameter_schema(parameter.name);
  return schema != nullptr && schema->type == ParameterType::kInteger;
}

Json number_of(const SweepParameter& parameter, double value) {
  if (is_integer(parameter)) return static_cast<std::int64_t>(std::llround(value));
  return value;
}

// Level by level of a rounded distribution, each with its mass; empty: not rounded, or too fine.
std::vector<std::pair<double, double>> levels_of(const SweepParameter& parameter) {
  const Distribution& distribution = *parameter.distribution;
  const double step =
      distribution.quantum > 0 ? distribution.quantum : (is_integer(parameter) ? 1.0 : 0.0);
  if (step <= 0) return {};
  const double low = value_at(distribution, 1e-9);
  const double high = value_at(distribution, 1 - 1e-9);
  if ((high - low) / step >= static_cast<double>(kLevelsMax)) return {};
  std::vector<std::pair<double, double>> levels;  // value, share up to its end
  for (double value = std::round(low / step) * step; value < high + step / 2; value += step)
    levels.emplace_back(value, share_below(distribution, value + step / 2));
  levels.back().second = 1.0;
  return levels;
}

// The places of the values from the smallest; empty: they have no order.
std::vector<std::size_t> rising(const std::vector<SweepValue>& values) {
  for (const SweepValue& value : values) {
    if (!value.value.is_number()) return {};
  }
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return values[a].value.get<double>() < values[b].value.get<double>();
  });
  return order;
}

}  // namespace

// One dimension: the definitions that it sets (several in a zip group), and its levels.
struct Axis {
  std::vector<std::size_t> parameters;  // places in sweep.parameters; at least one
  std::vector<std::size_t> order;       // value of each level, of `values`; empty: as written
  std::vector<double> levels;           // value of each level, of a rounded distribution
};

struct SweepSpace::Definitions {
  Sweep sweep;
  std::vector<Axis> axes;
  std::map<std::size_t, std::size_t> axis_of;  // by place in sweep.parameters

  // The definition of `name` that holds where the dimensions so far have these values.
  const SweepParameter* holding(const std::string& name, const Point& point, int depth) const;
  std::optional<Json> value_of(const std::string& name, const Point& point, int depth) const;
  Json chosen(std::size_t parameter, double value) const;
  bool exists(std::size_t parameter, const Point& point) const {
    const SweepParameter& definition = sweep.parameters[parameter];
    return holding(definition.name, point, 0) == &definition;
  }
  void visit(std::size_t parameter, std::set<std::size_t>& seen);
  void add_axis(std::size_t parameter);
  Dimension dimension_of(std::size_t axis, const std::shared_ptr<const Definitions>& self) const;
};

Json SweepSpace::Definitions::chosen(std::size_t parameter, double value) const {
  const SweepParameter& definition = sweep.parameters[parameter];
  const Axis& axis = axes[axis_of.at(parameter)];
  if (!definition.distribution) {
    auto level = static_cast<std::size_t>(value);
    if (!axis.order.empty()) level = axis.order[level];
    return definition.values[level].value;
  }
  if (!axis.levels.empty()) {
    return number_of(definition, axis.levels[static_cast<std::size_t>(value)]);
  }
  return number_of(definition, plateau::value_at(*definition.distribution, value));
}

const SweepParameter* SweepSpace::Definitions::holding(const std::string& name, const Point& point,
                                                       int depth) const {
  if (depth > kDepthMax) return nullptr;
  const bool source = name == "base" || name == "task" || name == "adapter";
  if (!source && find_field(name) == nullptr) {
    const std::optional<Json> adapter = value_of("adapter", point, depth + 1);
    const MethodSchema* method =
        adapter && adapter->is_string() ? find_method(adapter->get<std::string>()) : nullptr;
    if (method == nullptr || method->find(name) == nullptr) return nullptr;
  }
  const SweepParameter* best = nullptr;
  for (const SweepParameter& parameter : sweep.parameters) {
    if (parameter.name != name) continue;
    if (!parameter.scope_kind.empty() &&
        value_of(parameter.scope_kind, point, depth + 1) != Json(parameter.scope)) {
      continue;
    }
    if (best == nullptr || specificity(parameter) > specificity(*best)) best = &parameter;
  }
  if (best == nullptr || !best->when) return best;
  std::map<std::string, Json> values;
  const Result<Json> holds = best->when->evaluate([&](const std::string& other) -> const Json* {
    const std::optional<Json> value = value_of(other, point, depth + 1);
    return value ? &(values[other] = *value) : nullptr;
  });
  return holds && *holds == true ? best : nullptr;
}

std::optional<Json> SweepSpace::Definitions::value_of(const std::string& name, const Point& point,
                                                      int depth) const {
  const SweepParameter* definition = holding(name, point, depth);
  if (definition == nullptr) return std::nullopt;
  const auto place = static_cast<std::size_t>(definition - sweep.parameters.data());
  if (const auto axis = axis_of.find(place); axis != axis_of.end()) {
    if (axis->second >= point.size() || !point[axis->second]) return std::nullopt;
    return std::optional(chosen(place, *point[axis->second]));
  }
  if (!definition->expression) {
    if (definition->values.empty()) return std::nullopt;
    return std::optional(definition->values.front().value);
  }
  std::map<std::string, Json> values;
  Result<Json> value = definition->expression->evaluate([&](const std::string& other) {
    const std::optional<Json> found = value_of(other, point, depth + 1);
    return found ? &(values[other] = *found) : nullptr;
  });
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

// What a definition's existence depends on gets its dimension first.
void SweepSpace::Definitions::visit(std::size_t parameter, std::set<std::size_t>& seen) {
  if (!seen.insert(parameter).second) return;
  const SweepParameter& definition = sweep.parameters[parameter];
  std::set<std::string> needed = {definition.scope_kind};
  for (const auto* expression : {&definition.when, &definition.expression}) {
    if (*expression) needed.insert((*expression)->names().begin(), (*expression)->names().end());
  }
  for (std::size_t i = 0; i < sweep.parameters.size(); ++i) {
    if (needed.count(sweep.parameters[i].name) != 0) visit(i, seen);
  }
  add_axis(parameter);
}

void SweepSpace::Definitions::add_axis(std::size_t parameter) {
  const SweepParameter& definition = sweep.parameters[parameter];
  const bool searched = definition.distribution || definition.values.size() > 1;
  if (definition.name == "seed" || !searched || axis_of.count(parameter) != 0) return;
  Axis axis;
  axis.parameters = {parameter};
  if (definition.distribution) {
    for (const auto& [value, share] : levels_of(definition))
      axis.levels.push_back(value);
  } else {
    axis.order = rising(definition.values);
  }
  for (const std::vector<std::string>& zip : sweep.zips) {
    if (std::find(zip.begin(), zip.end(), definition.name) == zip.end()) continue;
    for (std::size_t i = 0; i < sweep.parameters.size(); ++i) {
      const bool zipped = std::find(zip.begin(), zip.end(), sweep.parameters[i].name) != zip.end();
      if (zipped && i != parameter) axis.parameters.push_back(i);
    }
  }
  for (const std::size_t each : axis.parameters)
    axis_of[each] = axes.size();
  axes.push_back(std::move(axis));
}

Dimension SweepSpace::Definitions::dimension_of(
    std::size_t axis, const std::shared_ptr<const Definitions>& self) const {
  const std::vector<std::size_t>& parameters = axes[axis].parameters;
  const SweepParameter& first = sweep.parameters[parameters.front()];
  Dimension dimension;
  dimension.name = (first.scope.empty() ? "" : first.scope + ".") + first.name;
  if (first.distribution) {
    Ordered ordered;
    for (const auto& [value, share] : levels_of(first))
      ordered.upper.push_back(share);
    if (!ordered.upper.empty()) dimension.kind = std::move(ordered);
  } else {
    std::vector<double> shares = first.probabilities;
    if (shares.empty()) shares = equally_likely(first.values.size()).probabilities;
    const std::vector<std::size_t>& order = axes[axis].order;
    if (order.empty()) {
      dimension.kind = Categorical{std::move(shares)};
    } else {
      Ordered ordered;
      double sum = 0;
      for (const std::size_t value : order)
        ordered.upper.push_back(sum += shares[value]);
      ordered.upper.back() = 1.0;
      dimension.kind = std::move(ordered);
    }
  }
  dimension.exists = [self, parameters](const Point& point) {
    return std::any_of(parameters.begin(), parameters.end(),
                       [&](std::size_t parameter) { return self->exists(parameter, point); });
  };
  return dimension;
}

Result<SweepSpace> SweepSpace::of(const Sweep& sweep) {
  auto definitions = std::make_shared<Definitions>();
  definitions->sweep = sweep;
  std::set<std::size_t> seen;
  for (const char* first : {"base", "task", "adapter", ""}) {
    for (std::size_t i = 0; i < sweep.parameters.size(); ++i) {
      if (*first == '\0' || sweep.parameters[i].name == first) definitions->visit(i, seen);
    }
  }
  if (definitions->axes.empty()) {
    return invalid_argument(
        "there is nothing to search over: every parameter has one value. Give "
        "one of them `values` or a distribution, or take the method grid");
  }
  SweepSpace made;
  made.definitions_ = definitions;
  Json described = Json::array();
  for (std::size_t axis = 0; axis < definitions->axes.size(); ++axis) {
    made.space_.dimensions.push_back(definitions->dimension_of(axis, made.definitions_));
    const SweepParameter& first = sweep.parameters[definitions->axes[axis].parameters.front()];
    Json values = Json::array();
    for (const SweepValue& value : first.values)
      values.push_back(value.value);
    if (first.distribution) {
      for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0})
        values.push_back(plateau::value_at(*first.distribution, share));
    }
    described.push_back({made.space_.dimensions.back().name, values, first.probabilities});
  }
  made.fingerprint_ = sha256_hex(described.dump()).substr(0, 16);
  return made;
}

Sweep SweepSpace::at(const Point& point) const {
  Sweep sweep = definitions_->sweep;
  sweep.search = SearchSpec{};
  sweep.zips.clear();
  sweep.baselines.clear();
  sweep.notices.clear();
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    for (const std::size_t place : definitions_->axes[axis].parameters) {
      SweepParameter& parameter = sweep.parameters[place];
      // Where it does not exist no cell uses it, and one value is enough.
      const double value = point[axis].value_or(0.0);
      parameter.values = {{definitions_->chosen(place, value), parameter.place}};
      parameter.distribution.reset();
      parameter.probabilities.clear();
    }
  }
  return sweep;
}

Json SweepSpace::values(const Point& point) const {
  Json values = Json::object();
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    if (!point[axis]) continue;
    for (const std::size_t place : definitions_->axes[axis].parameters) {
      const SweepParameter& parameter = definitions_->sweep.parameters[place];
      const std::string scope = parameter.scope.empty() ? "" : parameter.scope + ".";
      values[scope + parameter.name] = definitions_->chosen(place, *point[axis]);
    }
  }
  return values;
}

Json to_json(const Point& point) {
  Json json = Json::array();
  for (const std::optional<double>& value : point)
    json.push_back(value ? Json(*value) : Json(nullptr));
  return json;
}

std::optional<Point> point_from_json(const Space& space, const Json& json) {
  if (!json.is_array() || json.size() != space.dimensions.size()) return std::nullopt;
  Point point;
  for (const Json& value : json) {
    if (!value.is_null() && !value.is_number()) return std::nullopt;
    point.push_back(value.is_null() ? std::nullopt : std::optional(value.get<double>()));
  }
  return point;
}

}  // namespace plateau::search
