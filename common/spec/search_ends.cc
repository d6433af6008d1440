#include "common/spec/search_ends.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "common/spec/fields.h"
#include "common/spec/grid.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// Each is planned and estimated whenever the sweep is read.
constexpr double kMostCells = 20'000;
constexpr double kTail = 1e-3;

// They change what a trial learns, not how large it is or how long it takes.
constexpr std::array kOfLearningAlone = {
    "learning_rate", "head_learning_rate", "weight_decay", "beta1",        "beta2",
    "epsilon",       "max_grad_norm",      "schedule",     "warmup_ratio", "checkpoint",
    "split_seed",    "checkpoint_every_s", "alpha",        "dropout",      "rslora",
    "alpha_pattern", "b_rate_ratio",       "activation",   "scaling",      "bottleneck_init",
    "prompt_init",   "prefix_init"};

// Of these 0 means all there is, so the least is the smallest above it.
constexpr std::array kZeroIsAll = {"train_size", "validation_size", "test_size",
                                   "micro_batch_size"};

template <class Names>
bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::set<std::string> names_referred_to(const Sweep& sweep) {
  std::set<std::string> names;
  for (const SweepParameter& parameter : sweep.parameters) {
    for (const auto* expression : {&parameter.expression, &parameter.when}) {
      if (*expression) names.insert((*expression)->names().begin(), (*expression)->names().end());
    }
  }
  return names;
}

bool is_zipped(const Sweep& sweep, const std::string& name) {
  return std::any_of(sweep.zips.begin(), sweep.zips.end(),
                     [&](const auto& zip) { return contains(zip, name); });
}

bool are_numbers(const std::vector<SweepValue>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](const SweepValue& value) { return value.value.is_number(); });
}

// The lowest, the highest and, where 0 stands for all, the lowest above it. Of numbers.
std::vector<SweepValue> ends_of(const std::string& name, std::vector<SweepValue> values) {
  std::stable_sort(values.begin(), values.end(), [](const SweepValue& a, const SweepValue& b) {
    return a.value.get<double>() < b.value.get<double>();
  });
  std::vector<SweepValue> ends = {values.front()};
  const auto above = std::find_if(values.begin(), values.end(),
                                  [](const SweepValue& value) { return value.value > 0; });
  if (contains(kZeroIsAll, name) && above != values.end()) ends.push_back(*above);
  ends.push_back(values.back());
  const auto same = [](const SweepValue& a, const SweepValue& b) { return a.value == b.value; };
  ends.erase(std::unique(ends.begin(), ends.end(), same), ends.end());
  return ends;
}

std::vector<SweepValue> ends_of_distribution(const SweepParameter& parameter) {
  const auto& shape = parameter.distribution->shape;
  const bool is_open =
      std::holds_alternative<Normal>(shape) || std::holds_alternative<LogNormal>(shape);
  const double tail = is_open ? kTail : 0.0;
  std::vector<SweepValue> ends = {
      {value_of_distribution(parameter, tail), parameter.lowest_place},
      {value_of_distribution(parameter, 1 - tail), parameter.highest_place}};
  if (contains(kZeroIsAll, parameter.name) && ends.front().value == 0)
    ends.push_back({std::max<std::int64_t>(1, std::llround(parameter.distribution->quantum)),
                    parameter.lowest_place});
  return ends_of(parameter.name, std::move(ends));
}

// Between their ends numbers are left out first, then all values but one: of numbers the highest.
void thin(SweepParameter& parameter) {
  if (!are_numbers(parameter.values)) {
    parameter.values.resize(1);
    return;
  }
  std::vector<SweepValue> ends = ends_of(parameter.name, parameter.values);
  if (ends.size() == parameter.values.size()) ends = {ends.back()};
  parameter.values = std::move(ends);
}

// The one with the most values; nullptr: there is none that can have fewer.
SweepParameter* widest(Sweep& sweep) {
  SweepParameter* widest = nullptr;
  for (SweepParameter& parameter : sweep.parameters) {
    const bool is_source =
        parameter.name == "base" || parameter.name == "task" || parameter.name == "adapter";
    if (is_source || parameter.values.size() < 2 || is_zipped(sweep, parameter.name)) continue;
    if (widest == nullptr || parameter.values.size() >= widest->values.size()) widest = &parameter;
  }
  return widest;
}

}  // namespace

Json value_of_distribution(const SweepParameter& parameter, double u) {
  const double value = value_at(*parameter.distribution, u);
  const ParameterSchema* schema = parameter_schema(parameter.name);
  const bool whole = schema != nullptr && schema->type == ParameterType::kInteger;
  return whole ? Json(static_cast<std::int64_t>(std::llround(value))) : Json(value);
}

std::optional<SearchEnds> search_ends(const Sweep& sweep) {
  SearchEnds ends{sweep, {}};
  ends.grid.search = SearchSpec{};
  ends.grid.baselines.clear();
  const std::set<std::string> referred_to = names_referred_to(sweep);
  for (SweepParameter& parameter : ends.grid.parameters) {
    parameter.probabilities.clear();
    const bool matters = referred_to.count(parameter.name) != 0 ||
                         (!contains(kOfLearningAlone, parameter.name) && parameter.name != "seed");
    if (parameter.distribution) {
      parameter.values =
          matters
              ? ends_of_distribution(parameter)
              : std::vector<SweepValue>{{value_of_distribution(parameter, 0.5), parameter.place}};
      parameter.distribution.reset();
    } else if (!matters && parameter.values.size() > 1 && !is_zipped(sweep, parameter.name)) {
      parameter.values.resize(1);
    }
  }
  std::set<std::string> thinned;
  while (most_trials(ends.grid) > kMostCells) {
    SweepParameter* parameter = widest(ends.grid);
    if (parameter == nullptr) return std::nullopt;
    thinned.insert(parameter->name);
    thin(*parameter);
  }
  ends.thinned.assign(thinned.begin(), thinned.end());
  return ends;
}

}  // namespace plateau
